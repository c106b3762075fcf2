// Keeps Maildir++'s quota file, `maildirsize`: what a Maildir holds and may hold.
//
//   file  = limits LF *( bytes SP messages LF )
//   limits = [ bytes "S" ] [ "," ] [ messages "C" ]            0 or missing: no such limit
//
// Each delivery and expunge appends its difference, so the sum of the lines is the current usage.
// The file is recounted when it has grown beyond 5120 bytes, when its limits are not the configured
// ones, or when it says "full" and is older than 15 minutes, since it may be wrong then. A count
// never replaces a file that others have made or added to since it began. Without configured limits
// and without a file there is no quota, and nothing is written.
//
// STANDARDS  Maildir++ (courier-mta.org/imap/README.maildirquota.html)
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "store/mailbox/file.h"
#include "store/mailbox/mailbox.h"

namespace pennypost::store {

/// What the file's text says.
struct MaildirSize {
  Usage usage;
  /// False: a line is none of its form, or the sums are below 0 or more than a number holds. Then
  /// only the limits count.
  bool is_sound = true;

  static MaildirSize parse(std::string_view text);
};

class MaildirQuota {
 public:
  /// `settings` gives limits, if any, the clock, and how many folders are looked at.
  MaildirQuota(std::string root, const StoreSettings& settings);

  /// What is there; limits only where there is a quota (without one it counts the files).
  Result<Usage> usage() const;
  /// Whether so much more would fit: 552 OverQuota when it exceeds the whole quota by itself,
  /// else 452.
  Result<void> check(std::uint64_t bytes, std::uint64_t messages) const;
  /// The same of messages that are not written yet: what can't fit however short their line ends
  /// are stored is not written only to be thrown away. Small ones are not worth the question.
  Result<void> foresee(std::uint64_t octets, std::uint64_t messages) const;
  /// Notes a difference. Never fails: a wrong file is found out and counted anew.
  void add(std::int64_t bytes, std::int64_t messages) const;
  /// Counts anew where there is a quota: after a whole folder went.
  Result<void> refresh() const;

 private:
  struct State {
    Usage usage;
    bool may_be_wrong = false;  // old enough to count again before saying no
    FileStamp stamp;            // of the file, from before it was read
  };
  Result<std::optional<State>> read() const;
  Result<Usage> recount(const Usage& limits, const FileStamp& seen) const;
  Result<void> put(const std::string& text, const FileStamp& seen) const;

  std::string root_;
  std::string path_;
  Usage configured_;
  const Clock* clock_;
  std::size_t folders_max_;
  std::size_t messages_max_;
};

}  // namespace pennypost::store
