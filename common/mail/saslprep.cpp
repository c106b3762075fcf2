#include "common/mail/saslprep.h"

#include <unictype.h>
#include <uninorm.h>
#include <unistr.h>

#include <algorithm>
#include <array>
#include <cstdlib>

#include "common/base/owned.h"
#include "common/base/text.h"

namespace pennypost {
namespace {

struct CodeRange {
  ucs4_t first;
  ucs4_t last;
};

// RFC 3454 table B.1
constexpr std::array mapped_to_nothing{CodeRange{0x00ad, 0x00ad}, CodeRange{0x034f, 0x034f},
                                       CodeRange{0x1806, 0x1806}, CodeRange{0x180b, 0x180d},
                                       CodeRange{0x200b, 0x200d}, CodeRange{0x2060, 0x2060},
                                       CodeRange{0xfe00, 0xfe0f}, CodeRange{0xfeff, 0xfeff}};

// RFC 3454 table C.1.2
constexpr std::array other_spaces{CodeRange{0x00a0, 0x00a0}, CodeRange{0x1680, 0x1680},
                                  CodeRange{0x2000, 0x200b}, CodeRange{0x202f, 0x202f},
                                  CodeRange{0x205f, 0x205f}, CodeRange{0x3000, 0x3000}};

// RFC 3454 tables C.2.1 to C.9; the last two code points of each plane are checked separately.
constexpr std::array prohibited{
    CodeRange{0x0000, 0x001f},   CodeRange{0x007f, 0x009f},   CodeRange{0x0340, 0x0341},
    CodeRange{0x06dd, 0x06dd},   CodeRange{0x070f, 0x070f},   CodeRange{0x180e, 0x180e},
    CodeRange{0x200c, 0x200f},   CodeRange{0x2028, 0x202e},   CodeRange{0x2060, 0x2063},
    CodeRange{0x206a, 0x206f},   CodeRange{0x2ff0, 0x2ffb},   CodeRange{0xd800, 0xf8ff},
    CodeRange{0xfdd0, 0xfdef},   CodeRange{0xfeff, 0xfeff},   CodeRange{0xfff9, 0xfffd},
    CodeRange{0x1d173, 0x1d17a}, CodeRange{0xe0001, 0xe0001}, CodeRange{0xe0020, 0xe007f},
    CodeRange{0xf0000, 0x10ffff}};

template <class Ranges>
bool is_in(const Ranges& ranges, ucs4_t code) {
  return std::ranges::any_of(
      ranges, [code](const CodeRange& range) { return code >= range.first && code <= range.last; });
}

// RFC 3454 section 6
bool has_mixed_directions(const ucs4_t* codes, std::size_t count) {
  auto is_right_to_left = [](ucs4_t code) {
    int direction = uc_bidi_class(code);
    return direction == UC_BIDI_R || direction == UC_BIDI_AL;
  };
  auto is_left_to_right = [](ucs4_t code) { return uc_bidi_class(code) == UC_BIDI_L; };
  if (std::none_of(codes, codes + count, is_right_to_left)) return false;
  return std::any_of(codes, codes + count, is_left_to_right) || !is_right_to_left(codes[0]) ||
         !is_right_to_left(codes[count - 1]);
}

}  // namespace

Result<std::string> saslprep(std::string_view text) {
  Error wrong = Error::permanent("a character that is not allowed in a name or password");
  if (is_ascii(text)) {
    if (std::ranges::any_of(text, [](char c) { return is_control(c); })) return wrong;
    return std::string(text);
  }
  const auto* octets = reinterpret_cast<const std::uint8_t*>(text.data());
  if (u8_check(octets, text.size()) != nullptr) return Error::permanent("not UTF-8");

  std::size_t count = 0;
  Owned<ucs4_t, std::free> codes(u8_to_u32(octets, text.size(), nullptr, &count));
  ASSERT(codes != nullptr);
  // A space of table C.1.2 that is also in B.1 (U+200B) is removed.
  ucs4_t* end = std::remove_if(codes.get(), codes.get() + count,
                               [](ucs4_t code) { return is_in(mapped_to_nothing, code); });
  std::replace_if(
      codes.get(), end, [](ucs4_t code) { return is_in(other_spaces, code); }, ucs4_t{' '});
  std::size_t kept = static_cast<std::size_t>(end - codes.get());
  if (kept == 0) return std::string();

  std::size_t normal_count = 0;
  Owned<ucs4_t, std::free> normal(
      u32_normalize(UNINORM_NFKC, codes.get(), kept, nullptr, &normal_count));
  ASSERT(normal != nullptr);
  bool is_wrong = std::any_of(normal.get(), normal.get() + normal_count, [](ucs4_t code) {
    return is_in(prohibited, code) || is_in(other_spaces, code) || (code & 0xfffe) == 0xfffe;
  });
  if (is_wrong) return wrong;
  if (has_mixed_directions(normal.get(), normal_count)) {
    return Error::permanent("letters of both directions in one name or password");
  }
  std::string out(normal_count * 4, '\0');
  std::size_t length = out.size();
  auto* made =
      u32_to_u8(normal.get(), normal_count, reinterpret_cast<std::uint8_t*>(out.data()), &length);
  ASSERT(made == reinterpret_cast<std::uint8_t*>(out.data()));
  out.resize(length);
  return out;
}

}  // namespace pennypost
