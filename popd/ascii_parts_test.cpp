#include "popd/ascii_parts.h"

#include <doctest/doctest.h>

using namespace pennypost;
using pop::AsciiParts;

namespace {

constexpr std::string_view header =
    "Subject: s\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n";
constexpr std::string_view body =
    "pre\xc3\xa4mble\r\n--b\r\nContent-Disposition: attachment; filename=\"\xc3\xa4.pdf\"\r\n"
    "Content-Type: message/rfc822\r\n\r\nSubject: gr\xc3\xbc\xc3\x9f dich\r\n\r\nt\xc3\xa4xt\r\n"
    "--b\r\n\r\nX: \xc3\xa4\r\n--b--\r\nend";
constexpr std::string_view made =
    "pre\xc3\xa4mble\r\n--b\r\nContent-Disposition: attachment; filename*=utf-8''%C3%A4.pdf\r\n"
    "Content-Type: message/rfc822\r\n\r\nSubject: =?utf-8?B?Z3LDvMOf?= dich\r\n\r\nt\xc3\xa4xt\r\n"
    "--b\r\n\r\nX: \xc3\xa4\r\n--b--\r\nend";

}  // namespace

TEST_CASE(
    "headers of parts and of attached messages become ASCII, and no octet of a body changes") {
  for (std::size_t size : {std::size_t{1}, std::size_t{7}, body.size()}) {
    AsciiParts parts(header);
    std::string out;
    for (auto rest = body; !rest.empty(); rest.remove_prefix(std::min(size, rest.size()))) {
      out += parts.converted(rest.substr(0, size), false);
    }
    out += parts.converted("", true);
    CHECK(out == made);
  }
}

TEST_CASE("only multiparts and messages are looked through") {
  CHECK(AsciiParts::has_parts(header));
  CHECK(AsciiParts::has_parts("content-type:\r\n Message/RFC822\r\n\r\n"));
  CHECK_FALSE(AsciiParts::has_parts("Content-Type: text/plain\r\nX: multipart/mixed\r\n\r\n"));
}
