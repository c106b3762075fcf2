// Writes a message as a complete and synced file in a Maildir's tmp/, which is then published in
// new/ or cur/.
//
// A reader never sees it before publish(), nor only a part of it afterwards. A draft that is not
// published is removed with the object, or, after a crash, by remove_old_drafts(). Files are
// written with LF line ends; their size, and their size with CRLF, become part of the name as ",S="
// and ",W=".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "store/mailbox/message.h"
#include "store/maildir/filename.h"
#include "store/maildir/layout.h"

namespace pennypost::store {

class Draft {
 public:
  /// `top` holds whole header lines (LF) to put before the body. `mtime` is for the file, in
  /// seconds.
  static Result<Draft> write(const MaildirLayout& layout, const std::string& directory,
                             std::string_view top, const Pieces& body,
                             std::optional<std::int64_t> mtime);

  /// A file that is already in DIRECTORY/tmp, complete and synced.
  static Draft of(std::string directory, std::string path) {
    return Draft(std::move(directory), std::move(path));
  }

  Draft(Draft&& other) noexcept;
  Draft& operator=(Draft&& other) noexcept;
  ~Draft();

  std::uint64_t stored_bytes() const { return stored_bytes_; }
  /// `unique` followed by the sizes.
  std::string base_name(std::string_view unique) const;
  /// Moves it to DIRECTORY/where/name, unless that exists already (EEXIST in the Error's text;
  /// nothing is replaced). Durable once the caller has synced DIRECTORY/where.
  Result<void> publish(std::string_view where, std::string_view name);

 private:
  Draft(std::string directory, std::string path)
      : directory_(std::move(directory)), path_(std::move(path)) {}
  std::string directory_;
  std::string path_;  // empty: published
  std::uint64_t stored_bytes_ = 0;
  std::uint64_t octets_ = 0;
};

/// Removes files in DIRECTORY/tmp that have not changed for 36 hours, as Maildir's rules say.
void remove_old_drafts(const std::string& directory, const Clock& clock);

}  // namespace pennypost::store
