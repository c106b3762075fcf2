#include "smtpd/delivery/seven_bit.h"

#include <doctest/doctest.h>

#include "common/base/text.h"
#include "common/mail/encoded.h"
#include "common/mail/mime.h"

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

TEST_CASE("content is converted by its octets, whatever encoding it claims, and never twice") {
  const std::string head = "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n";
  struct Row {
    const char* claim;
    const char* body;
    const char* converted;
  };
  for (const Row& row :
       {Row{"quoted-printable", "stray \xc3\xa9 =3D=\n!\n", "stray =C3=A9 =3D!\n"},
        Row{"base64", "aGFsbG8=\n-- \n\xc3\xa9\naGk=\n", "hallo\n--=20\n=C3=A9\naGk=3D\n"},
        Row{"base64", "\xc3\xa9\n", "=C3=A9\n"}, Row{"8-bit", "\xc3\xa9\n", "=C3=A9\n"},
        Row{"7bit", "\xc3\xa9=3D\n", "=C3=A9=3D3D\n"}}) {
    CAPTURE(row.claim);
    CHECK(*to_seven_bit(head + "Content-Transfer-Encoding: " + row.claim + "\n\n" + row.body) ==
          head + "Content-Transfer-Encoding: quoted-printable\n\n" + row.converted);
  }
  CHECK(*to_seven_bit("MIME-Version: 1.0\nContent-Type: image/x\n"
                      "Content-Transfer-Encoding: base64\n\n//4=\n\xff\n") ==
        "MIME-Version: 1.0\nContent-Type: image/x\n"
        "Content-Transfer-Encoding: base64\n\n//4K/wo=\n");
}

TEST_CASE("no message within is encoded itself: its inner parts are, or a report's words") {
  CHECK(*to_seven_bit("MIME-Version: 1.0\nContent-Type: message/rfc822\n"
                      "Content-Transfer-Encoding: 8bit\n\nSubject: in\n\n\xc3\xa9\n") ==
        "MIME-Version: 1.0\nContent-Type: message/rfc822\n"
        "Content-Transfer-Encoding: 7bit\n\nSubject: in\nMIME-Version: 1.0\n"
        "Content-Type: text/plain; charset=unknown-8bit\n"
        "Content-Transfer-Encoding: quoted-printable\n\n=C3=A9\n");
  auto report = *to_seven_bit(
      "MIME-Version: 1.0\nContent-Type: multipart/report; boundary=b\n\n--b\n"
      "Content-Type: message/delivery-status\n\nAction: failed\n\n"
      "Diagnostic-Code: smtp; Gr\xc3\xbc\xc3\x9f \xc3\xa9 x \xe9\n--b--\n");
  CHECK(report.find("\n--b\nContent-Type: message/delivery-status\n"
                    "Content-Transfer-Encoding: 7bit\n\nAction: failed\n\n") != report.npos);
  auto code = report.substr(report.find("Diagnostic-Code"));
  CHECK(pennypost::decode_words(code.substr(0, code.find('\n'))) ==
        "Diagnostic-Code: smtp; Gr\xc3\xbc\xc3\x9f \xc3\xa9 x \xc3\xa9");
  CHECK(pennypost::is_ascii(report));
}

TEST_CASE(
    "what can't be had in 7 bit is refused, and a multipart without a boundary becomes text") {
  CHECK_FALSE(to_seven_bit("Content-Type: message/partial\n\n\xff\n"));
  std::string deep;
  for (std::size_t i = 0; i <= pennypost::mime_nesting_max; ++i)
    deep += "Content-Type: message/rfc822\n\n";
  CHECK_FALSE(to_seven_bit(deep + "\n\xff\n"));
  CHECK(*to_seven_bit("MIME-Version: 1.0\nContent-Type: multipart/mixed\n\n\xc3\xa9\n") ==
        "MIME-Version: 1.0\nContent-Type: text/plain; charset=unknown-8bit\n"
        "Content-Transfer-Encoding: quoted-printable\n\n=C3=A9\n");
  CHECK(
      *to_seven_bit("MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n\xc3\xa9\n") ==
      "MIME-Version: 1.0\nContent-Type: text/plain; charset=unknown-8bit\n"
      "Content-Transfer-Encoding: quoted-printable\n\n=C3=A9\n");
  CHECK(
      *to_seven_bit("MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n\xe9 before\n"
                    "--b\n\nx\n--b--\nbehind \xe9\n") ==
      "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n"
      "Content-Transfer-Encoding: 7bit\n\n? before\n--b\n\nx\n--b--\nbehind ?\n");
}
