#include "smtpd/delivery/seven_bit.h"

#include <doctest/doctest.h>

using namespace pennypost::smtp;

TEST_CASE("a message in 7 bit stays as it is") {
  std::string_view message = "Subject: x\nContent-Transfer-Encoding: 8bit\n\nplain\n";
  CHECK(*to_seven_bit(message) == message);
}

TEST_CASE("8-bit text becomes quoted-printable, with MIME fields where there were none") {
  CHECK(*to_seven_bit("Subject: x\n\ngr\xc3\xbc\xc3\x9f=\n") ==
        "Subject: x\nMIME-Version: 1.0\nContent-Type: text/plain; charset=unknown-8bit\n"
        "Content-Transfer-Encoding: quoted-printable\n\ngr=C3=BC=C3=9F=3D\n");
  CHECK(*to_seven_bit("MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n"
                      "Content-Transfer-Encoding: 8bit\n\n\xc3\xa9\n") ==
        "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n"
        "Content-Transfer-Encoding: quoted-printable\n\n=C3=A9\n");
}

TEST_CASE("parts are converted each on its own, and the multipart says 7bit") {
  CHECK(*to_seven_bit("MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n"
                      "Content-Transfer-Encoding: 8bit\n\n"
                      "--b\nContent-Type: text/plain\n\nascii\n"
                      "--b\nContent-Type: text/html; charset=utf-8\n\n\xc3\xa9\n"
                      "--b\nContent-Type: image/x\n\n\xff\xfe\n"
                      "--b--\n") ==
        "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n"
        "Content-Transfer-Encoding: 7bit\n\n"
        "--b\nContent-Type: text/plain\n\nascii\n"
        "--b\nContent-Type: text/html; charset=utf-8\n"
        "Content-Transfer-Encoding: quoted-printable\n\n=C3=A9\n"
        "--b\nContent-Type: image/x\nContent-Transfer-Encoding: base64\n\n//4=\n\n"
        "--b--\n");
}

TEST_CASE("8-bit content that claims to be encoded can't be converted") {
  CHECK_FALSE(to_seven_bit("MIME-Version: 1.0\nContent-Transfer-Encoding: base64\n\n\xff\n"));
}
