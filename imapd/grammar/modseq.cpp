#include "imapd/grammar/modseq.h"

namespace pennypost::imap {
namespace {

// A set without `*` or `$`.
Result<SequenceSet> plain_set(Cursor& cursor) {
  TRY(auto set, cursor.sequence_set());
  if (set.has_star() || set.is_saved_result()) return Error(501, "Expected a set of numbers");
  return set;
}

}  // namespace

Result<std::uint64_t> parse_modseq(const Modifier& modifier, std::uint64_t least,
                                   const Limits& limits) {
  Cursor cursor(modifier.value, limits);
  TRY(auto modseq, cursor.number64());
  TRY_DO(cursor.end());
  if (modseq < least) return Error(501, modifier.name + " needs a mod-sequence above zero");
  return modseq;
}

Result<Resync> parse_resync(std::string_view value, const Limits& limits) {
  Cursor cursor(value, limits);
  Resync resync;
  TRY_DO(cursor.expect('('));
  TRY(resync.uid_validity, cursor.nz_number());
  TRY_DO(cursor.space());
  TRY(resync.modseq, cursor.number64());
  if (resync.modseq == 0) return Error(501, "QRESYNC needs a mod-sequence above zero");
  if (cursor.next_item() && !cursor.at('(')) {
    TRY(resync.known, plain_set(cursor));
    cursor.next_item();
  }
  if (cursor.skip('(')) {
    TRY(resync.numbers, plain_set(cursor));
    TRY_DO(cursor.space());
    TRY(resync.uids, plain_set(cursor));
    TRY_DO(cursor.expect(')'));
  }
  TRY_DO(cursor.expect(')'));
  TRY_DO(cursor.end());
  return resync;
}

}  // namespace pennypost::imap
