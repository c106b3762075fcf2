// Batches a session's reads and writes of cached values, so that the index sees few large accesses.
//
// A session goes through a folder in order. The values it computes are collected and written
// together; if it reads in ascending order, the next values are read ahead. What another session
// writes meanwhile is seen after flush(). A value stays true while its message exists, but one may
// hold more than another: of two that are written at once the last is kept.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "store/index/index.h"

namespace pennypost::store {

/// Belongs to one open folder; used by one thread at a time. Values not flushed are lost with it.
class CachedValues {
 public:
  explicit CachedValues(Index* index) : index_(index) {}

  void name_folder(Index::Folder folder);

  std::optional<std::string> find(Uid uid, CacheItem item);
  void add(Uid uid, CacheItem item, std::string_view value);
  /// The same for numbers.
  std::optional<std::uint64_t> find_number(Uid uid, CacheItem item);
  void add_number(Uid uid, CacheItem item, std::uint64_t number);
  /// Writes what was added, and forgets what was read ahead; call it at the end of a command. Large
  /// amounts are also written earlier, without this.
  void flush();

 private:
  // The values of one item that were read ahead: all that exist in [first, last].
  struct Window {
    Uid first{1};
    Uid last{0};
    std::vector<Index::Value> values;
    std::size_t at = 0;        // the value found last
    std::size_t in_order = 0;  // how many look-ups in a row were ascending
    Uid asked{0};
    std::optional<std::string> find(Uid uid);
  };
  std::optional<std::string> look_up(Uid uid, CacheItem item);
  void write();

  Index* index_;
  Index::Folder folder_;
  std::vector<Index::Value> added_;
  std::size_t added_bytes_ = 0;
  Uid greatest_added_{0};
  std::map<CacheItem, Window> windows_;
};

}  // namespace pennypost::store
