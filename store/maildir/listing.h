// Lists a Maildir's new/ and cur/, with one entry for each message, indexed by base name.
//
// A file that moves from new/ to cur/ while both are listed is seen in both; one that is renamed
// within cur/ may be seen twice, or not at all. If a message has two files, the one added later
// counts. Names are stored one after the other in one block; a hash table of positions finds them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "store/mailbox/message.h"

namespace pennypost::store {

class Listing {
 public:
  struct File {
    std::uint32_t at = 0;  // of its name in the block
    std::uint8_t bytes = 0;
    std::uint8_t base_bytes = 0;
    bool in_new = false;
    bool moved = false;         ///< from new/ to cur/, by us
    Uid uid{0};                 ///< 0: none yet
    std::uint32_t octets = 0;   ///< from the uidlist; 0: unknown
    std::uint32_t seconds = 0;  // of arrival, if its name begins with them
  };

  explicit Listing(std::size_t expected);

  /// Adds the names of DIRECTORY/new or /cur; 451 Limit beyond `names_max`.
  Result<void> list(const std::string& directory, bool in_new, std::size_t names_max);
  /// Lists new/ first, so that a file that moves meanwhile is seen in both, not in neither.
  Result<void> list_both(const std::string& directory, std::size_t names_max);
  void add(std::string_view filename, bool in_new);
  /// Gives a file another name with the same base.
  void rename(File& file, std::string_view filename);

  std::string_view name(const File& file) const {
    return std::string_view(names_).substr(file.at, file.bytes);
  }
  std::string_view base(const File& file) const {
    return std::string_view(names_).substr(file.at, file.base_bytes);
  }
  File* find(std::string_view base);
  std::vector<File>& files() { return files_; }
  const std::vector<File>& files() const { return files_; }

  bool lacks_uids() const;
  /// The files without UIDs, by arrival: the seconds that names begin with, then the names
  /// themselves.
  std::vector<File*> without_uid();

 private:
  std::size_t slot_of(std::string_view base) const;
  void grow_table();

  std::string names_;
  std::vector<File> files_;
  std::vector<std::uint32_t> table_;  // numbers of files_ + 1, by hash; 0: free
};

}  // namespace pennypost::store
