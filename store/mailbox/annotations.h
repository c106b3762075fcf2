// Keeps the annotations of a folder, or of an account as a whole, in a file beside the mail.
//
//   file  = "pennypost-meta 1" LF *( name TAB value LF )        by name
//   name  = "/private/" or "/shared/" and more, in lower case
//   value = any octets; `\\` `\n` `\t` `\0` stand for backslash, LF, TAB and NUL
//
// The file is written beside and renamed, under a dotlock; a reader sees all of a change or
// nothing. A folder without annotations has no file. What is not of this form is Corruption: it is
// never overwritten.
//
// STANDARDS  RFC 5464 section 3 (entries)
// LIMITS     file_bytes_max, the caller's entries_max
// SEE ALSO   mailbox.h (MailStore::annotations)
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace pennypost::store {

/// The value of each annotation by its name.
using Annotations = std::map<std::string, std::string>;
/// What is to be changed: nothing removes the annotation.
using AnnotationChanges = std::map<std::string, std::optional<std::string>>;

class AnnotationFile {
 public:
  static constexpr std::uint64_t file_bytes_max = 16 << 20;

  /// `brief_lock_ms` and `fsync` as in StoreSettings.
  AnnotationFile(std::string path, int brief_lock_ms, bool fsync)
      : path_(std::move(path)), brief_lock_ms_(brief_lock_ms), fsync_(fsync) {}

  /// Empty if there are none.
  Result<Annotations> read() const;
  /// Makes all changes, durably, or none; returns the names of those that made a difference. Error
  /// Limit if there would be more than `entries_max`, or the file would be too large.
  Result<std::vector<std::string>> change(const AnnotationChanges& changes,
                                          std::size_t entries_max) const;

  /// The annotations in a file's text; Corruption if it has another form.
  static Result<Annotations> parse(std::string_view text);
  /// The text of a file that holds these.
  static std::string text_of(const Annotations& annotations);

 private:
  Result<void> write(const Annotations& annotations) const;

  std::string path_;
  int brief_lock_ms_;
  bool fsync_;
};

}  // namespace pennypost::store
