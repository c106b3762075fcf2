// Remembers, for one session, the UIDs and flags that a full disk has no space for in the mbox.
//
// Each time the file is read again, the messages are recognized by their UID if they have one
// there, else by a hash of their From_ line and header. UIDs that are not in the file are assigned
// in order, so every session assigns the same ones; once a message with such a UID is removed, the
// next UID is kept in the state file (state.h), so that no UID is used twice.
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

  /// Remembers those of `plans` that differ from `entries`, which are as in the file.
  Result<void> keep(int descriptor, const std::string& path, const std::vector<MboxEntry>& entries,
                    const std::vector<MboxPlan>& plans);
  /// Changes the plans of remembered messages, and marks them as changed. What other programs have
  /// written since takes precedence over what was remembered.
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
