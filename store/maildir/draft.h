// A message in pieces in, a complete and synced file in a Maildir's tmp/ out, to be named in new/
// or cur/.
//
// A reader never sees it before publish(), nor half of it afterwards; what is not published goes
// with the object, or, after a crash, by remove_old_drafts(). Files are written with LF line ends;
// their size, and that with CRLF, become part of the name as ",S=" and ",W=".
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
  /// `top` are whole header lines (LF) that go before the body. `mtime` is the file's, in seconds.
  static Result<Draft> write(const MaildirLayout& layout, const std::string& directory,
                             std::string_view top, const Pieces& body,
                             std::optional<std::int64_t> mtime);

  Draft(Draft&& other) noexcept;
  Draft& operator=(Draft&& other) noexcept;
  ~Draft();

  std::uint64_t stored_bytes() const { return stored_bytes_; }
  /// `unique` with the sizes behind it.
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

/// Files that were given names in a folder and still need UIDs: with the object they are taken back
/// unless give_uids() was done. Held under the folder's uidlist lock.
class Arrivals {
 public:
  Arrivals(std::string directory, bool fsync) : directory_(std::move(directory)), fsync_(fsync) {}
  Arrivals(const Arrivals&) = delete;
  Arrivals& operator=(const Arrivals&) = delete;
  ~Arrivals();

  /// "new" or "cur", and the name there: a name in new/ can hold no flags. Without flags it is
  /// new/, where the session that sees it first has it as \Recent.
  struct Target {
    std::string_view where;
    std::string name;
    std::string path;
  };
  Target target(std::string_view base, const FilenameFlags& flags) const;
  /// The file is there.
  void add(const Target& target) { made_.push_back(target); }
  std::size_t count() const { return made_.size(); }

  /// In the order they were added; the files and their UIDs are then durable.
  Result<std::vector<Uid>> give_uids(UidList& uidlist, const Dotlock& held);

 private:
  std::string directory_;
  bool fsync_;
  std::vector<Target> made_;
};

/// Removes files in DIRECTORY/tmp that nobody has touched for 36 hours, as Maildir's rules say.
void remove_old_drafts(const std::string& directory, const Clock& clock);

}  // namespace pennypost::store
