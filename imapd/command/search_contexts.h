// Keeps the results of searches up to date, and tells the client what comes and goes.
//
//   * ESEARCH (TAG "a1") UID ADDTO (0 32768:32769)
//   * ESEARCH (TAG "a2") REMOVEFROM (17 4 17 9)
//
// A search that is followed is asked again of messages that are new or have other flags, not of
// all. Those of SEARCH have no order, so that the position is 0; those of SORT are put where they
// belong. Message numbers among the keys mean the messages that had them at first. The passing of
// time (YOUNGER, OLDER) is no change.
//
// STANDARDS  RFC 5267 section 4.3, RFC 5465 section 7 (UPDATE with FETCH items)
// LIMITS     imap_contexts_max searches of one session
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/async/task.h"
#include "imapd/grammar/search.h"
#include "imapd/grammar/sort.h"
#include "imapd/session/follower.h"

namespace pennypost::imap {

class SessionContext;

class SearchContexts final : public Follower {
 public:
  struct Followed {
    std::string tag;
    bool is_uid = false;
    SearchRequest request;
    /// Empty: those of a SEARCH.
    std::vector<SortCriterion> criteria;
    /// The messages that match, in the order of the answer.
    std::vector<store::Uid> results;
  };

  bool has(std::string_view tag) const;
  std::size_t count() const { return all_.size(); }
  void add(Followed followed) { all_.push_back(std::move(followed)); }
  /// False if there is none with that tag.
  bool cancel(std::string_view tag);

  std::string leave(const Selected& selected, std::span<const store::Uid> uids) override;
  Task<> follow(SessionContext& context, const ToldMessages& told) override;

 private:
  std::vector<Followed> all_;
};

/// Whether the tag is that of a search that is followed in the selected mailbox.
bool is_followed(SessionContext& context, std::string_view tag);
/// From now on the search of the selected mailbox is kept up to date; tells a client that has too
/// many of them that this one is not. `numbers` are the message numbers found, in the
/// order of the answer.
void follow_search(SessionContext& context, std::string_view tag, bool is_uid,
                   const SearchRequest& request, const std::vector<SortCriterion>& criteria,
                   std::span<const std::uint32_t> numbers);

}  // namespace pennypost::imap
