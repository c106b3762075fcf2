#include "common/mail/charset.h"

#include <iconv.h>
#include <unistr.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "common/base/text.h"
#include "common/mail/unicode.h"

namespace pennypost {
namespace {

constexpr std::string_view replacement = "\xef\xbf\xbd";  // U+FFFD
constexpr std::size_t charset_name_bytes_max = 64;
constexpr std::size_t cut_character_bytes_max = 16;  // the longest that iconv may leave incomplete

/// iconv's name for a MIME charset; empty for text that must be guessed.
std::optional<std::string> iconv_name(std::string_view charset) {
  auto name = lower(trim(charset));
  for (const char* guessed : {"", "us-ascii", "ascii", "unknown-8bit", "x-unknown", "unknown"}) {
    if (name == guessed) return "";
  }
  // A slash would begin options for iconv.
  auto is_allowed = [](char c) { return is_alnum(c) || std::string_view("-_.:+()").find(c) < 7; };
  if (name.size() > charset_name_bytes_max || !std::ranges::all_of(name, is_allowed)) return {};
  return name;
}

/// One octet of Windows-1252 as UTF-8.
std::string windows_1252(char octet) {
  constexpr std::array<char16_t, 32> upper_controls{
      0x20ac, 0xfffd, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160,
      0x2039, 0x0152, 0xfffd, 0x017d, 0xfffd, 0xfffd, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
      0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0xfffd, 0x017e, 0x0178};
  unsigned code = static_cast<unsigned char>(octet);
  if (code >= 0x80 && code < 0xa0) code = upper_controls[code - 0x80];
  if (code < 0x80) return std::string(1, octet);
  auto last = static_cast<char>(0x80 | (code & 0x3f));
  if (code < 0x800) return {static_cast<char>(0xc0 | code >> 6), last};
  return {static_cast<char>(0xe0 | code >> 12), static_cast<char>(0x80 | (code >> 6 & 0x3f)), last};
}

/// Whether `text`, which is not UTF-8 from its first octet on, may become UTF-8 with further
/// octets.
bool is_cut_character(std::string_view text) {
  ucs4_t code = 0;
  return u8_mbtoucr(&code, reinterpret_cast<const std::uint8_t*>(text.data()), text.size()) == -2;
}

/// `text` with each octet that is not UTF-8 replaced.
std::string replaced(std::string_view text) {
  std::string out;
  for (;;) {
    auto bytes = utf8_octets(text);
    out += text.substr(0, bytes);
    if (bytes == text.size()) return out;
    out += replacement;
    text.remove_prefix(bytes + 1);
  }
}

}  // namespace

class CharsetDecoder::State {
 public:
  explicit State(bool guess) : guess_(guess) {}
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    if (converter_) iconv_close(*converter_);
  }

  /// False if iconv does not know the charset. Not needed for UTF-8.
  bool open(const std::string& name) {
    auto* converter = iconv_open("utf-8", name.c_str());
    if (converter == reinterpret_cast<iconv_t>(-1)) return false;
    converter_ = converter;
    return true;
  }

  void feed(std::string_view piece, std::string& out) {
    std::string joined;
    if (!held_.empty()) {
      joined = held_.append(piece);
      held_.clear();
      piece = joined;
    }
    while (!piece.empty()) {
      bool cut = converter_ ? convert(piece, out) : copy(piece, out);
      if (cut && piece.size() <= cut_character_bytes_max) {
        held_ = piece;
        return;
      }
      if (!piece.empty()) skip_octet(piece, out);
    }
  }

  void finish(std::string& out) {
    // A character that was never completed.
    for (std::string_view rest = held_; !rest.empty();) skip_octet(rest, out);
    held_.clear();
    if (converter_) iconv(*converter_, nullptr, nullptr, nullptr, nullptr);
  }

 private:
  /// Moves the UTF-8 at the front of `piece` to `out`; true if the rest is an incomplete character.
  static bool copy(std::string_view& piece, std::string& out) {
    auto bytes = utf8_octets(piece);
    out += piece.substr(0, bytes);
    piece.remove_prefix(bytes);
    return !piece.empty() && is_cut_character(piece);
  }

  /// Converts the front of `piece` as far as possible; true if the rest is an incomplete character.
  bool convert(std::string_view& piece, std::string& out) {
    std::array<char, 4096> buffer;
    auto* input = const_cast<char*>(piece.data());  // iconv's type; it only reads
    std::size_t input_left = piece.size();
    int problem = 0;
    do {
      char* output = buffer.data();
      std::size_t output_left = buffer.size();
      auto converted = iconv(*converter_, &input, &input_left, &output, &output_left);
      problem = converted == static_cast<std::size_t>(-1) ? errno : 0;
      // glibc writes code points above U+10FFFF if a charset has them.
      out += replaced(std::string_view(buffer.data(), buffer.size() - output_left));
    } while (problem == E2BIG);
    piece.remove_prefix(piece.size() - input_left);
    return problem == EINVAL;
  }

  void skip_octet(std::string_view& piece, std::string& out) const {
    out += guess_ ? windows_1252(piece.front()) : std::string(replacement);
    piece.remove_prefix(1);
  }

  std::optional<iconv_t> converter_;
  bool guess_;
  std::string held_;  // the beginning of a character
};

CharsetDecoder::CharsetDecoder(std::unique_ptr<State> state) : state_(std::move(state)) {}
CharsetDecoder::CharsetDecoder(CharsetDecoder&&) noexcept = default;
CharsetDecoder& CharsetDecoder::operator=(CharsetDecoder&&) noexcept = default;
CharsetDecoder::~CharsetDecoder() = default;

std::optional<CharsetDecoder> CharsetDecoder::make(std::string_view charset) {
  auto name = iconv_name(charset);
  if (!name) return {};
  auto state = std::make_unique<State>(name->empty());
  bool is_utf8_name = name->empty() || *name == "utf-8" || *name == "utf8";
  if (!is_utf8_name && !state->open(*name)) return {};
  return CharsetDecoder(std::move(state));
}

void CharsetDecoder::feed(std::string_view piece, std::string& out) { state_->feed(piece, out); }

void CharsetDecoder::finish(std::string& out) { state_->finish(out); }

std::optional<std::string> to_utf8(std::string_view charset, std::string_view text) {
  auto decoder = CharsetDecoder::make(charset);
  if (!decoder) return {};
  std::string out;
  decoder->feed(text, out);
  decoder->finish(out);
  return out;
}

bool is_known_charset(std::string_view charset) {
  return CharsetDecoder::make(charset).has_value();
}

std::string guessed_utf8(std::string_view text) {
  if (is_utf8(text)) return std::string(text);
  return to_utf8("", text).value_or("");
}

bool contains_folded(std::string_view text, std::string_view key) {
  return casefold(text).find(casefold(key)) != std::string::npos;
}

}  // namespace pennypost
