#include "smtpd/inbound/data_scanner.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace pennypost::smtp;
using Fault = DataScanner::Fault;
using Ends = DataScanner::Ends;

namespace {

DataScanner::Limits limits(DataScanner::BareNewline bare = DataScanner::BareNewline::Refuse) {
  DataScanner::Limits all;
  all.message_bytes_max = pennypost::Limit(1000);
  all.line_bytes_max = 100;
  all.bare_newline = bare;
  return all;
}

struct Seen {
  std::string content;
  std::size_t taken = 0;
  bool is_done = false;
  Fault fault = Fault::None;
};

Seen scan(std::string_view bytes, std::size_t piece, DataScanner::Limits with,
          Ends ends = Ends::WithDot) {
  DataScanner scanner(ends, with);
  Seen seen;
  while (seen.taken < bytes.size() && !scanner.is_done()) {
    auto part = bytes.substr(seen.taken, piece);
    auto count = scanner.scan(part, seen.content);
    seen.taken += count;
    if (count < part.size()) break;
  }
  if (ends == Ends::WithCount) scanner.finish(seen.content);
  seen.is_done = scanner.is_done();
  seen.fault = scanner.fault();
  return seen;
}

}  // namespace

TEST_CASE("content comes out with LF and without stuffed dots, however it is cut") {
  struct Case {
    std::string wire;
    std::string content;
  };
  for (const Case& one : std::vector<Case>{
           {"a\r\nb\r\n.\r\n", "a\nb\n"},
           {".\r\n", ""},
           {"\r\n.\r\n", "\n"},
           {"..\r\n.\r\n", ".\n"},
           {"..a\r\n.b\r\n.\r\n", ".a\nb\n"},
           {"a.\r\n.\r\n", "a.\n"},
           {"a\r\n...\r\n.\r\n", "a\n..\n"},
           {std::string("nul\0l\r\n.\r\n", 10), std::string("nul\0l\n", 6)},
       }) {
    CAPTURE(one.wire);
    for (std::size_t piece : {1u, 2u, 3u, 5u, 100u}) {
      std::string wire = one.wire + "QUIT\r\n";
      auto seen = scan(wire, piece, limits());
      CHECK(seen.content == one.content);
      CHECK(seen.is_done);
      CHECK(seen.fault == Fault::None);
      CHECK(seen.taken == one.wire.size());
    }
  }
}

TEST_CASE("only CRLF.CRLF ends a message, whatever else looks like it") {
  using Bare = DataScanner::BareNewline;
  for (std::string fake : {"a\n.\r\n", "a\n.\n", "a\r\n.\n", "a\r.\r", "a\r\n.\r", "a\r.\r\n",
                           "a\r\n\r.\r\n", "a\r\n.\r\r\n"}) {
    CAPTURE(fake);
    for (Bare bare : {Bare::Refuse, Bare::Normalize, Bare::Keep}) {
      for (std::size_t piece : {1u, 2u, 3u, 100u}) {
        std::string wire = fake + "MAIL FROM:<smuggled@example.com>\r\n.\r\n";
        auto seen = scan(wire, piece, limits(bare));
        CHECK(seen.is_done);
        CHECK(seen.taken == wire.size());
        if (bare == Bare::Refuse) {
          CHECK(seen.fault != Fault::None);
        } else {
          CHECK(seen.fault == Fault::None);
          CHECK(seen.content.find("MAIL FROM:<smuggled@example.com>\n") != std::string::npos);
        }
      }
    }
  }
}

TEST_CASE("bare CR and LF are refused, made harmless, or kept") {
  using Bare = DataScanner::BareNewline;
  CHECK(scan("a\nb\r\n.\r\n", 100, limits()).fault == Fault::BareLf);
  CHECK(scan("a\rb\r\n.\r\n", 100, limits()).fault == Fault::BareCr);
  CHECK(scan("a\r\r\n.\r\n", 100, limits()).fault == Fault::BareCr);
  CHECK(scan("a\nb\rc\r\n.\r\n", 100, limits(Bare::Normalize)).content == "a\nb c\n");
  CHECK(scan("a\nb\rc\r\n.\r\n", 100, limits(Bare::Keep)).content == "a\nb\rc\n");
}

TEST_CASE("lines and messages above their limits are noted, and their end is still found") {
  std::string line(100, 'x');
  std::string message;
  for (int i = 0; i < 10; ++i) message += std::string(98, 'x') + "\r\n";
  for (std::size_t piece : {7u, 100u, 2000u}) {
    CAPTURE(piece);
    CHECK(scan(line + "\r\n.\r\n", piece, limits()).fault == Fault::None);
    auto seen = scan(line + "x\r\n.\r\n", piece, limits());
    CHECK(seen.fault == Fault::LineTooLong);
    CHECK(seen.is_done);
    CHECK(scan(message + ".\r\n", piece, limits()).fault == Fault::None);
    for (const char* more : {"\r\n", "x\r\n"}) {
      seen = scan(message + more + ".\r\n", piece, limits());
      CHECK(seen.fault == Fault::TooBig);
      CHECK(seen.is_done);
      CHECK(seen.content.size() <= 1001);
    }
  }
}

TEST_CASE("a size is counted with CRLF, whatever the lines hold and however they come") {
  for (std::size_t piece : {1u, 7u, 5000u}) {
    for (auto bare : {DataScanner::BareNewline::Refuse, DataScanner::BareNewline::Normalize}) {
      DataScanner::Limits limits;
      limits.message_bytes_max = pennypost::Limit(1000);
      limits.line_bytes_max = 1000;
      limits.bare_newline = bare;
      auto scanned = [&](std::size_t lines, const std::string& line) {
        DataScanner scanner(DataScanner::Ends::WithCount, limits);
        std::string wire;
        for (std::size_t i = 0; i < lines; ++i) wire += line;
        std::string out;
        for (std::size_t at = 0; at < wire.size(); at += piece) {
          scanner.scan(std::string_view(wire).substr(at, piece), out);
        }
        CHECK(scanner.line_ends() == lines);
        return scanner;
      };
      std::string end = bare == DataScanner::BareNewline::Normalize ? "\n" : "\r\n";
      CHECK(scanned(500, end).fault() == DataScanner::Fault::None);
      CHECK(scanned(500, end).octets() == 1000);
      CHECK(scanned(501, end).fault() == DataScanner::Fault::TooBig);
      CHECK(scanned(501, end).octets() == 1002);
      CHECK(scanned(333, "x" + end).octets() == 999);
    }
  }
}

TEST_CASE("a chunk has no dots to take off, and its last line gets its end") {
  auto seen = scan(".\r\n..\r\nlast", 2, limits(), Ends::WithCount);
  CHECK(seen.content == ".\n..\nlast\n");
  CHECK(seen.fault == Fault::None);
  CHECK(scan("a\r", 1, limits(), Ends::WithCount).fault == Fault::BareCr);
}

TEST_CASE("8-bit content is noticed") {
  for (std::string text : {std::string(20, 'x') + "\xc3\xa9", std::string("\xff")}) {
    DataScanner scanner(Ends::WithDot, limits());
    std::string out;
    scanner.scan(text + "\r\n.\r\n", out);
    CHECK(scanner.has_8bit());
  }
  DataScanner scanner(Ends::WithDot, limits());
  std::string out;
  scanner.scan("plain\r\n.\r\n", out);
  CHECK_FALSE(scanner.has_8bit());
}
