#include "common/mail/mime_scan.h"

#include <doctest/doctest.h>

#include <algorithm>

using namespace pennypost;

namespace {

/// Each block as `KIND OFFSET TEXT`, with `|` for line ends; KIND is H, P, N or B.
std::vector<std::string> shown(const std::string& header, const std::string& body,
                               std::uint64_t body_bytes_max, std::size_t step) {
  MimeScanner scanner(header, header.size() + 1, body_bytes_max);
  for (std::size_t at = 0; at < body.size(); at += step) {
    scanner.feed(std::string_view(body).substr(at, step));
  }
  scanner.finish();
  std::vector<std::string> lines;
  std::string content = header + "\n" + body;
  for (const auto& block : scanner.take()) {
    CHECK(content.substr(block.offset, block.text.size()) == block.text);
    std::string text = block.text;
    std::ranges::replace(text, '\n', '|');
    lines.push_back(std::string(1, "HPNB"[static_cast<int>(block.kind)]) + " " + text);
  }
  return lines;
}

using Lines = std::vector<std::string>;
const std::string mixed = "Subject: x\nContent-Type: multipart/mixed; boundary=b\n";

}  // namespace

TEST_CASE("headers of parts, and of messages in parts, are found wherever pieces end") {
  const std::string body =
      "preamble\n--b\nContent-Type: text/plain\nX: y\n z\n\none\ntwo\n--b\n\nno header\n--b\n"
      "Content-Type: message/rfc822\n\nSubject: inner\nContent-Type: multipart/mixed; boundary=bb\n"
      "\n--bb\nContent-Type: image/png\n\ndata\n--bb--\nout\n--b--\nafter\n";
  for (std::size_t step : {1u, 3u, 1000u}) {
    CAPTURE(step);
    CHECK(shown(mixed, body, 0, step) ==
          Lines{"P Content-Type: text/plain|X: y| z|", "P Content-Type: message/rfc822|",
                "N Subject: inner|Content-Type: multipart/mixed; boundary=bb|",
                "P Content-Type: image/png|"});
    auto all = shown(mixed, body, 1000, step);
    REQUIRE(all.size() == 9);
    CHECK(all[0] == "B preamble|--b|");
    CHECK(all[2] == "B |one|two|--b||no header|--b|");
    CHECK(all[4] == "B |");
    CHECK(all[6] == "B |--bb|");
    CHECK(all[7] == "P Content-Type: image/png|");
    CHECK(all[8] == "B |data|--bb--|out|--b--|after|");
  }
}

TEST_CASE("without multipart or attached message the rest is body") {
  CHECK(shown("Subject: x\n", "--b\nA: b\n\n", 0, 100).empty());
  CHECK(shown("Subject: x\n", "--b\nA: b\n\n", 100, 2) == Lines{"B --b|A: b||"});
  CHECK(shown("Content-Type: multipart/mixed\n", "--\nA: b\n", 0, 100).empty());
}

TEST_CASE("of each part's body as much is shown as is wanted, whole lines") {
  const std::string body = "12345\n67890\nabc\n--b\n\n12345\n67890\n";
  CHECK(shown(mixed, body, 7, 100) == Lines{"B 12345|67890|", "B --b||12345|"});
}

TEST_CASE("a boundary ends a header, and an outer one the parts within") {
  CHECK(shown(mixed, "--b\nA: 1\n--b\nB: 2\n--b--\nC: 3\n", 0, 5) == Lines{"P A: 1|", "P B: 2|"});
  CHECK(shown(mixed,
              "--b\nContent-Type: multipart/alternative; boundary=\"in\"\n\n--in\nA: 1\n\nx\n--b\n"
              "B: 2\n\n--in\nno: part\n",
              0, 7) ==
        Lines{"P Content-Type: multipart/alternative; boundary=\"in\"|", "P A: 1|", "P B: 2|"});
}

TEST_CASE("a line that begins with a blank begins no field") {
  CHECK(shown(mixed, "--b\n A: 1\nB: 2\n", 0, 4).empty());
  CHECK(shown(mixed, "--b\nA \t: 1\n", 0, 4) == Lines{"P A \t: 1|"});
}

TEST_CASE("parts of a digest are messages unless they say otherwise") {
  CHECK(shown("Content-Type: multipart/digest; boundary=b\n",
              "--b\n\nSubject: one\n\nx\n--b\nContent-Type: text/plain\n\nSubject: no\n", 0,
              4) == Lines{"N Subject: one|", "P Content-Type: text/plain|"});
}

TEST_CASE("a header or line that is too long is body, or shown in pieces") {
  std::string folds;
  while (folds.size() <= mime_scan_header_bytes_max) folds += " " + std::string(900, 'x') + "\n";
  auto lines = shown(mixed, "--b\nA: 1\n" + folds + "B: 2\n", 1 << 20, 4096);
  REQUIRE(lines.size() == 3);
  CHECK(lines[1].size() <= mime_scan_header_bytes_max + 2);
  CHECK(lines[2].ends_with("B: 2|"));
  std::string long_line(3 * mime_scan_line_bytes_max, 'y');
  CHECK(shown("A: b\n", long_line + "\n--b\n", 1 << 20, 1000) == Lines{"B " + long_line + "|--b|"});
  CHECK(shown(mixed, long_line + "--b\nA: 1\n--b\nB: 2\n", 0, 1000) == Lines{"P B: 2|"});
}

TEST_CASE("the last Content-Type of a header counts, and its boundary may be long") {
  std::string boundary(1200, 'q');
  CHECK(shown("Content-Type: text/plain\nContent-Type: multipart/mixed;\n boundary=" + boundary +
                  "\n",
              "--" + boundary + "\nA: 1\n", 0, 64) == Lines{"P A: 1|"});
}

TEST_CASE("only what MIME defines is a MIME field") {
  CHECK(is_mime_field("content-type"));
  CHECK(is_mime_field("Mime-Version"));
  CHECK_FALSE(is_mime_field("Content-Length"));
  CHECK_FALSE(is_mime_field("Subject"));
}
