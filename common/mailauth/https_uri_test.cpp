#include "common/mailauth/https_uri.h"

#include <doctest/doctest.h>

using namespace pennypost;

namespace {

std::string parts_of(std::string_view text) {
  auto uri = parse_https_uri(text);
  if (!uri) return uri.error().text();
  return uri->host + " " + std::to_string(uri->port) + " " + uri->path;
}

}  // namespace

TEST_CASE("an https: URI is taken apart") {
  CHECK(parts_of("https://reports.example.org/v1?id=7") == "reports.example.org 443 /v1?id=7");
  CHECK(parts_of("HTTPS://Reports.Example.ORG") == "reports.example.org 443 /");
  CHECK(parts_of("https://reports.example.org:8443?id=7") == "reports.example.org 8443 /?id=7");
}

TEST_CASE("a URI that names no web server's host, or could hide a second line, is refused") {
  for (const std::string wrong : {"",
                                  "http://r.test/",
                                  "https:r.test",
                                  "https://",
                                  "https:///x",
                                  "https://ann@r.test/",
                                  "https://ann:pw@r.test/",
                                  "https://192.0.2.1/",
                                  "https://[2001:db8::1]/",
                                  "https://r.test:/",
                                  "https://r.test:0/",
                                  "https://r.test:65536/",
                                  "https://r.test:x/",
                                  "https://r.test/#part",
                                  "https://r.test/a b",
                                  "https://r.test/\r\nX: y",
                                  "https://r..test/",
                                  "https://r.test./",
                                  "https://0x7f000001/",
                                  "https://127.0x1/",
                                  "https://r.test/\xc3\xa4"}) {
    CAPTURE(wrong);
    CHECK_FALSE(parse_https_uri(wrong));
  }
  CHECK(parse_https_uri("https://r.test/" + std::string(https_uri_bytes_max - 15, 'x')));
  CHECK_FALSE(parse_https_uri("https://r.test/" + std::string(https_uri_bytes_max - 14, 'x')));
  CHECK(parts_of("http://r.test/") ==
        "http://r.test/ is no https: URI of a web server: it does not begin with https://");
}
