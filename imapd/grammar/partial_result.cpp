#include "imapd/grammar/partial_result.h"

#include <utility>

namespace pennypost::imap {

Result<PartialResult> parse_partial_result(Cursor& cursor) {
  PartialResult partial;
  partial.from_end = cursor.skip('-');
  TRY(partial.first, cursor.nz_number());
  TRY_DO(cursor.expect(':'));
  if (partial.from_end) {
    TRY_DO(cursor.expect('-'));
  }
  TRY(partial.last, cursor.nz_number());
  if (partial.first > partial.last) std::swap(partial.first, partial.last);
  return partial;
}

}  // namespace pennypost::imap
