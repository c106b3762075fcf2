// Keeps, for one session, the UIDs and flags that a full disk has no room for in the mbox.
//
// A session on a full disk is served from what it remembers. Each time the file is read anew, the
// messages are recognized: by their UID if they have one there, else by a hash of their From_ line
// and header. UIDs without a line in the file are those that any session would give, so others give
// the same ones in the same order; once a message with such a UID is removed, the next UID is kept
// beside (state.h), and no UID comes twice.
//
// SEE ALSO   folder.h (the owner), writer.h
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "store/mbox/scan.h"
#include "store/mbox/writer.h"

namespace pennypost::store {

class MboxUnwritten {
 public:
  bool empty() const { return messages_.empty(); }
  bool contains(Uid uid) const { return messages_.contains(uid.value()); }
  void clear() { messages_.clear(); }
  void erase(Uid uid) { messages_.erase(uid.value()); }

  /// Remembers those of `plans` that say something else than `entries`, as the file has them.
  Result<void> keep(int descriptor, const std::string& path, const std::vector<MboxEntry>& entries,
                    const std::vector<MboxPlan>& plans);
  /// Changes the plans of messages that are remembered, and marks them as changed. What other
  /// programs wrote since counts more than what was remembered.
  Result<void> apply(int descriptor, const std::string& path, const std::vector<MboxEntry>& entries,
                     std::vector<MboxPlan>& plans) const;

 private:
  struct Message {
    std::uint64_t id = 0;
    bool has_uid_line = false;
    MboxMeta in_file;
    MboxMeta wanted;
  };
  std::map<std::uint32_t, Message> messages_;  // by UID
};

}  // namespace pennypost::store
