//! The layout of the cookie's header.

use time::macros::datetime;

use super::*;

#[test]
fn the_cookie_is_laid_out_as_the_captured_one() {
    assert_eq!(
        set_cookie("a.b", datetime!(2020-12-23 08:16:56 UTC), 7200),
        "AUTH_COOKIE=a.b;Path=/;Expires=Wed, 23-Dec-2020 10:16:56 GMT;Max-Age=7200;Secure;HttpOnly"
    );
}
