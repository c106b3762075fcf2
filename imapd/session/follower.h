// Says to whoever wants to know it what the client has been told of its selected mailbox.
//
// SEE ALSO   selected.h (who keeps it), ../command/search_contexts.h (who follows)
#pragma once

#include <span>
#include <string>
#include <vector>

#include "common/async/task.h"
#include "store/mailbox/message.h"

namespace pennypost::imap {

class Selected;
class SessionContext;

/// Messages that the client has learnt of, or whose flags it has.
struct ToldMessages {
  std::vector<store::Uid> added;
  std::vector<store::Uid> flags;
  bool empty() const { return added.empty() && flags.empty(); }
};

class Follower {
 public:
  virtual ~Follower() = default;
  /// The lines to be told before these are told as expunged, while they still have numbers.
  virtual std::string leave(const Selected& selected, std::span<const store::Uid> uids) = 0;
  /// Puts the lines to be told behind those for these messages.
  virtual Task<> follow(SessionContext& context, const ToldMessages& told) = 0;
};

}  // namespace pennypost::imap
