#include "common/mail/encoded.h"

#include <doctest/doctest.h>

#include <string>

#include "common/base/text.h"

using namespace pennypost;

namespace {

std::string in_pieces(TransferEncoding encoding, std::string_view body, std::size_t size) {
  BodyDecoder decoder(encoding);
  std::string out;
  for (std::size_t i = 0; i < body.size(); i += size) decoder.feed(body.substr(i, size), out);
  decoder.finish(out);
  return out;
}

}  // namespace

TEST_CASE("bodies are decoded the same at once and in pieces") {
  struct Row {
    TransferEncoding encoding;
    const char* body;
    const char* octets;
  };
  auto qp = TransferEncoding::QuotedPrintable;
  auto b64 = TransferEncoding::Base64;
  const Row rows[] = {
      {qp, "J=C3=B6rg", "J\xc3\xb6rg"},
      {qp, "soft=\r\nbreak=\nhere= \t\r\n.", "softbreakhere."},
      {qp, "blanks  \t\r\nbefore \nends  ", "blanks\r\nbefore\nends"},
      {qp, "in  between", "in  between"},
      {qp, "not = hex =4 =zz", "not = hex =4 =zz"},
      {qp, "lower =c3=b6", "lower \xc3\xb6"},
      {qp, "end=", "end"},
      {qp, "end=4", "end=4"},
      {qp, "end=4\r\n", "end=4\r\n"},
      {qp, " \rx", " \rx"},
      {qp, "=\rx", "=\rx"},
      {qp, "x \r", "x \r"},
      {qp, "==41", "=A"},
      {b64, "aGVsbG8=", "hello"},
      {b64, "aGVs\r\nbG8=\r\n", "hello"},
      {b64, "aGVsbG8", "hello"},
      {b64, "aGk=aGk=", "hihi"},
      {b64, "a*G!k=", "hi"},
      {b64, "a", ""},
      {b64, "", ""},
      {TransferEncoding::Identity, "a=41", "a=41"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.body);
    CHECK(decode_body(row.encoding, row.body) == row.octets);
    for (std::size_t size : {1u, 2u, 3u, 5u}) {
      CHECK(in_pieces(row.encoding, row.body, size) == row.octets);
    }
  }
}

TEST_CASE("quoted-printable gives back what it was given, in short lines") {
  std::string text;
  for (int i = 0; i < 2000; ++i) {
    text += i % 71 == 0 ? std::string("\r\n") : std::string(1, static_cast<char>(i * 7));
    if (i % 13 == 0) text += ' ';
  }
  std::string clean;
  for (char c : text) {
    if (c != '\n' && c != '\r') clean += c;
  }
  clean += " \r\n.\r\n =\r\n";
  auto encoded = encode_quoted_printable(clean);
  CHECK(is_ascii(encoded));
  for (auto line : split(encoded, '\n')) CHECK(line.size() <= 77);
  CHECK(decode_body(TransferEncoding::QuotedPrintable, encoded) == clean);
}

TEST_CASE("encoded words are decoded, and what is none stays") {
  struct Row {
    const char* text;
    const char* decoded;
  };
  const Row rows[] = {
      {"=?utf-8?Q?J=C3=B6rg_S?=", "J\xc3\xb6rg S"},
      {"=?ISO-8859-1?q?J=F6rg?=", "J\xc3\xb6rg"},
      {"=?utf-8?B?SsO2cmc=?= x", "J\xc3\xb6rg x"},
      {"=?utf-8*de?Q?a?=", "a"},
      {"=?utf-8?Q?a?= =?utf-8?Q?b?=", "ab"},
      {"=?utf-8?Q?a?=\t \r\n =?iso-8859-1?Q?b?=", "ab"},
      {"=?utf-8?Q?a?= b =?utf-8?Q?c?=", "a b c"},
      {"=?utf-8?Q?=C3?= =?utf-8?Q?=B6?=", "\xc3\xb6"},
      {"(=?utf-8?Q?a?=)", "(a)"},
      {"=?klingon?Q?a?=", "=?klingon?Q?a?="},
      {"=?utf-8?X?a?=", "=?utf-8?X?a?="},
      {"=?utf-8?Q?a", "=?utf-8?Q?a"},
      {"=?utf-8?Q?a?= =?", "a =?"},
      {"=?", "=?"},
      {"=??Q?a?=", "=??Q?a?="},
      {"=?utf-8?Q?a?= ", "a "},
      {"J\xf6rg", "J\xc3\xb6rg"},
      {"", ""},
  };
  for (const auto& row : rows) {
    CAPTURE(row.text);
    CHECK(decode_words(row.text) == row.decoded);
  }
}

TEST_CASE("encoded words are at most 75 octets and mean the same") {
  for (const char* unit : {"J\xc3\xb6rg ", "\xe6\xbc\xa2", "a b=?_", "\xf0\x9f\x98\x80"}) {
    std::string text;
    for (int i = 0; i < 60; ++i) text += unit;
    auto encoded = encode_words(text);
    for (auto word : split(encoded, ' ')) CHECK(word.size() <= 75);
    CHECK(decode_words(encoded) == text);
  }
}

TEST_CASE("modified UTF-7 has one form for a name") {
  struct Row {
    const char* utf8;
    const char* utf7;
  };
  const Row rows[] = {
      {"INBOX", "INBOX"},
      {"a&b", "a&-b"},
      {"Entw\xc3\xbcrfe", "Entw&APw-rfe"},
      {"~peter/mail/\xe5\x8f\xb0\xe5\x8c\x97/\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e",
       "~peter/mail/&U,BTFw-/&ZeVnLIqe-"},
      {"\xf0\x9f\x98\x80", "&2D3eAA-"},
      {"tab\t", "tab&AAk-"},
      {"", ""},
  };
  for (const auto& row : rows) {
    CAPTURE(row.utf8);
    CHECK(encode_utf7(row.utf8) == row.utf7);
    CHECK(decode_utf7(row.utf7) == row.utf8);
  }
  for (const char* bad : {"&", "&APw", "&AGE-", "&APw-&APw-", "a&b", "&2D0-", "&AP-",
                          "Entw\xc3\xbcrfe", "&*-", "&APx-", "tab\t"}) {
    CAPTURE(bad);
    CHECK_FALSE(decode_utf7(bad).has_value());
  }
  CHECK_FALSE(encode_utf7("\xff").has_value());
}
