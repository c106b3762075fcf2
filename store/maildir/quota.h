// Maintains Maildir++'s quota file, `maildirsize`: what a Maildir of either layout holds and may
// hold. It lies in the Maildir, or where CONTROL= says.
//
//   file  = limits LF *( bytes SP messages LF )
//   limits = [ bytes "S" ] [ "," ] [ messages "C" ]            0 or missing: no such limit
//
// Each delivery and expunge appends its difference, so the sum of the lines is the current usage.
// The Maildir is counted again if the file has grown beyond 5120 bytes, if its limits are not the
// configured ones, or if the quota seems to be exceeded and the file is older than 15 minutes,
// since it may be wrong then. A count never replaces a file that others have made or added to since
// the count began. Without configured limits and without a file there is no quota, and nothing is
// written. What is in a mailbox whose quota rule is `ignore` is not counted.
//
// STANDARDS  Maildir++ (courier-mta.org/imap/README.maildirquota.html)
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "store/mailbox/file.h"
#include "store/mailbox/mailbox.h"

namespace pennypost::store {

/// The content of the file.
struct MaildirSize {
  Usage usage;
  /// False if a line is malformed, or a sum is negative or overflows. Then only the limits count.
  bool is_sound = true;

  static MaildirSize parse(std::string_view text);
};

class MaildirQuota {
 public:
  /// `settings` has the limits, if any, the clock, and how many folders to read. `location` must
  /// outlive this object.
  MaildirQuota(const MailLocation& location, const StoreSettings& settings);

  /// The current usage, with limits if there is a quota; without one it counts the files.
  Result<Usage> usage() const;
  /// The same, but nothing where there is no quota.
  Result<std::optional<Usage>> usage_if_limited() const;
  /// Whether this much more fits into the mailbox of that name; if not, OverQuota with 552 if it
  /// exceeds the whole quota by itself, else with the code in the settings.
  Result<void> check(std::string_view mailbox, std::uint64_t bytes, std::uint64_t messages) const;
  /// The same before messages are written: refuses those that can't fit even with the shortest line
  /// ends, so that they are not written in vain. Small ones are not checked.
  Result<void> foresee(std::string_view mailbox, std::uint64_t octets,
                       std::uint64_t messages) const;
  /// Records a difference. Never fails: a wrong file is detected later and counted again.
  void add(std::string_view mailbox, std::int64_t bytes, std::int64_t messages) const;
  /// Whether what is in the mailbox is not counted.
  bool ignores(std::string_view mailbox) const;
  /// Counts again, whatever the file says.
  Result<Usage> recount() const;
  /// Counts again if there is a quota; for use after a whole folder was removed.
  Result<void> refresh() const;

 private:
  struct State {
    Usage usage;
    bool may_be_wrong = false;  // old enough to be counted again before refusing
    FileStamp stamp;            // of the file, from before it was read
  };
  Result<std::optional<State>> read() const;
  Result<Usage> recount(const Usage& limits, const FileStamp& seen) const;
  Usage with_limits_of(std::string_view mailbox, Usage usage) const;
  Result<void> put(const std::string& text, const FileStamp& seen) const;

  const MailLocation& location_;
  std::string path_;
  Usage configured_;
  std::shared_ptr<const QuotaRules> rules_;  // null: none for single mailboxes
  int exceeded_code_;
  std::string exceeded_message_;
  const Clock* clock_;
  std::size_t folders_max_;
  std::size_t depth_max_;
  std::size_t messages_max_;
};

}  // namespace pennypost::store
