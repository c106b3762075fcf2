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
// Of a mailbox of another user, a visitor sees the owner's entries under /shared/, but has entries
// of their own under /private/, in a file of their own.
//
// STANDARDS  RFC 5464 section 3 (entries, and whose they are)
// LIMITS     file_bytes_max, the caller's entries_max
// SEE ALSO   mailbox.h (MailStore::annotations)
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
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

  /// A file of the same directory, whose name goes on with this.
  AnnotationFile beside(std::string_view suffix) const;

  /// How somebody sees it who is not the owner.
  struct Visit {
    std::string private_path;            ///< the file with the visitor's entries under /private/
    std::optional<Error> refusal;        ///< why none under /shared/ may be changed
    std::function<void()> told_private;  ///< called after a change under /private/
  };
  AnnotationFile as_visited(Visit visit) const;
  const std::string& path() const { return path_; }
  /// path(), and of a visit the visitor's own file as well: read() reads these.
  std::vector<std::string> paths() const;

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
  AnnotationFile visitors_own() const;
  Result<std::vector<std::string>> change_visited(const AnnotationChanges& changes,
                                                  std::size_t entries_max) const;
  Result<void> write(const Annotations& annotations) const;

  std::string path_;
  int brief_lock_ms_;
  bool fsync_;
  std::shared_ptr<const Visit> visit_;  // null: the owner's view
};

}  // namespace pennypost::store
