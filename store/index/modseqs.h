// What a session found changed in, mod-sequences out: from the index, or counted here without one.
//
// STANDARDS  RFC 7162 section 3.1
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "store/index/index.h"

namespace pennypost::store {

/// Of one open folder.
class ModSeqs {
 public:
  ModSeqs(Index* index, const Clock& clock);

  /// Before all else, and again when UIDVALIDITY has changed.
  void name_folder(std::string identity, std::uint32_t uid_validity);
  ModSeq highest() const { return highest_; }

  /// Fills in the modseq of all messages of a folder just read for the first time.
  void load(std::vector<Message>& messages);
  /// Fills in the modseq of those of `messages` that are in `changed`; both ascending.
  void settle(std::vector<Message>& messages, std::span<const Uid> changed,
              std::span<const Uid> gone);

  std::optional<std::string> cached(Uid uid, CacheItem item) const;
  void cache(Uid uid, CacheItem item, std::string_view value) const;
  /// The same for numbers.
  std::optional<std::uint64_t> cached_number(Uid uid, CacheItem item) const;
  void cache_number(Uid uid, CacheItem item, std::uint64_t number) const;

 private:
  Index* index_;
  const Clock& clock_;
  Index::Folder folder_;
  ModSeq highest_;
};

}  // namespace pennypost::store
