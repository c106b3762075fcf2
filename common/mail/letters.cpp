#include "common/mail/letters.h"

#include <unictype.h>
#include <uniwbrk.h>

namespace pennypost {

LetterKind letter_kind(std::uint32_t point) {
  switch (uc_wordbreak_property(point)) {
    case WBP_ALETTER:
    case WBP_HL:
    case WBP_NUMERIC:
      return LetterKind::Letter;
    case WBP_KATAKANA:
      return LetterKind::Ideograph;
    case WBP_EXTEND:
    case WBP_FORMAT:
    case WBP_ZWJ:
      return LetterKind::Mark;
    default:
      break;
  }
  constexpr std::uint32_t letters = UC_CATEGORY_MASK_L | UC_CATEGORY_MASK_N;
  return uc_is_general_category_withtable(point, letters) ? LetterKind::Ideograph
                                                          : LetterKind::Other;
}

}  // namespace pennypost
