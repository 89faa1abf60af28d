// The passwordless login of Tableau Services Manager, as its one published client describes it
// (github.com/tfoldi/tableau-monitoring-execd, passwordless_login.thrift), retyped.
//
// On the wire: TBinaryProtocol, strict, unframed, over a Unix stream socket. Server: the TSM
// administration controller, since Tableau Server 2019.2.

enum PasswordLessLoginReturnCode {
  PLL_SUCCESS = 0,
  PLL_NOT_AUTHORIZED = 1,
  PLL_ERROR = 2
}

struct PasswordLessLoginResult {
  1: PasswordLessLoginReturnCode returnCode,
  2: string username,
  3: string cookieName,
  4: string cookieValue,
  5: i32 cookieMaxAge
}

service PasswordLessLogin {
  PasswordLessLoginResult login()
}
