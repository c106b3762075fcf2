// A charset's name, a line end and any bytes in; no crash, valid UTF-8, and the same in pieces as
// at once, out.
#include <algorithm>
#include <string>
#include <string_view>

#include "common/base/assert.h"
#include "common/mail/charset.h"
#include "common/mail/encoded.h"
#include "common/mail/key_search.h"
#include "common/mail/unicode.h"

using namespace pennypost;

namespace {

template <class Decoder>
std::string in_pieces(Decoder decoder, std::string_view text, std::size_t size) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); i += size) decoder.feed(text.substr(i, size), out);
  decoder.finish(out);
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  std::string_view input(reinterpret_cast<const char*>(data), size);
  auto name = input.substr(0, input.find('\n'));
  auto text = input.substr(std::min(name.size() + 1, input.size()));
  if (auto utf8 = to_utf8(name, text)) ASSERT(is_utf8(*utf8));
  ASSERT(in_pieces(*CharsetDecoder::make("utf-8"), text, 3) == to_utf8("utf-8", text));
  for (auto encoding : {TransferEncoding::QuotedPrintable, TransferEncoding::Base64}) {
    ASSERT(in_pieces(BodyDecoder(encoding), text, 1) == decode_body(encoding, text));
  }
  ASSERT(
      decode_body(TransferEncoding::QuotedPrintable, encode_quoted_printable(text, "\n")).size() <=
      text.size());
  ASSERT(is_utf8(decode_words(text)));
  auto guessed = guessed_utf8(text);
  ASSERT(is_utf8(guessed));
  if (auto utf7 = encode_utf7(guessed)) ASSERT(decode_utf7(*utf7) == guessed);
  if (auto utf8 = decode_utf7(text)) ASSERT(encode_utf7(*utf8) == text);
  if (!guessed.empty()) ASSERT(decode_words(encode_words(guessed)) == guessed);

  auto key = guessed_utf8(name);
  for (bool has_second : {false, true}) {
    KeySet keys;
    auto number = keys.add(key);
    if (has_second) keys.add("no such thing");
    keys.compile();
    KeyScan scan(keys);
    for (std::size_t i = 0; i < guessed.size(); i += 5)
      scan.feed(std::string_view(guessed).substr(i, 5));
    scan.end_text();
    ASSERT(scan.has(number) == contains_folded(guessed, key));
  }
  return 0;
}
