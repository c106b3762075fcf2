#include "imapd/command/search_contexts.h"

#include <algorithm>
#include <set>

#include "imapd/command/find.h"
#include "imapd/command/handlers.h"
#include "imapd/command/ordering.h"
#include "imapd/command/shared.h"
#include "imapd/response/strings.h"
#include "imapd/session/context.h"

namespace pennypost::imap {
namespace {

using Followed = SearchContexts::Followed;
using store::Uid;

// A position in the results and a message to be put there, or taken from there.
struct Move {
  std::size_t position = 0;
  Uid uid{1};
};

std::string set_text(const Selected& selected, bool is_uid, std::span<const Move> moves) {
  RangeBuilder builder;
  for (const auto& move : moves) {
    auto number = is_uid ? move.uid.value() : selected.number_of(move.uid).value_or(0);
    if (number != 0) builder.add(number);
  }
  return to_text(builder.ranges());
}

// `* ESEARCH (TAG "a") UID ADDTO (3 7 4 9)`; nothing without moves. Those that have position 0 are
// one set.
std::string moves_line(const Selected& selected, const Followed& followed, std::string_view item,
                       std::span<const Move> moves) {
  // RFC 9586 section 3: not even the results of a SEARCH from before ENABLE UIDONLY are numbers.
  bool is_uid = followed.is_uid || selected.reporting().uid_only;
  std::string payload;
  for (std::size_t i = 0; i < moves.size();) {
    auto length = moves[i].position == 0 ? moves.size() - i : 1;
    auto set = set_text(selected, is_uid, moves.subspan(i, length));
    if (!set.empty()) {
      payload += (payload.empty() ? "" : " ") + std::to_string(moves[i].position) + ' ' + set;
    }
    i += length;
  }
  if (payload.empty()) return "";
  std::string out = "* ESEARCH (TAG ";
  append_string(out, followed.tag);
  out.append(is_uid ? ") UID " : ") ").append(item).append(" (").append(payload);
  return out + ")\r\n";
}

// Takes those of `gone`, ascending, out of the results.
std::vector<Move> take_out(Followed& followed, std::span<const Uid> gone) {
  std::vector<Move> moves;
  std::vector<Uid> left;
  for (auto uid : followed.results) {
    if (std::ranges::binary_search(gone, uid)) {
      moves.push_back({followed.criteria.empty() ? 0 : left.size() + 1, uid});
    } else {
      left.push_back(uid);
    }
  }
  followed.results = std::move(left);
  return moves;
}

// The results become `now`, which has all of them and others.
std::vector<Move> put_in(Followed& followed, std::vector<Uid> now) {
  std::vector<Uid> before = followed.results;
  std::ranges::sort(before);
  std::vector<Move> moves;
  for (std::size_t i = 0; i < now.size(); ++i) {
    if (std::ranges::binary_search(before, now[i])) continue;
    moves.push_back({followed.criteria.empty() ? 0 : i + 1, now[i]});
  }
  followed.results = std::move(now);
  return moves;
}

SearchKey key_of(const std::vector<Uid>& uids) {
  SearchKey key;
  RangeBuilder builder;
  for (auto uid : uids) builder.add(uid.value());
  auto set = SequenceSet::parse(to_text(builder.ranges()), SIZE_MAX);
  if (set) {
    key.kind = SearchKey::Kind::Uids;
    key.set = *std::move(set);
  } else {
    // No message at all.
    key.kind = SearchKey::Kind::All;
    key.negated = true;
  }
  return key;
}

// RFC 5267 section 4.3: numbers, and `$`, stand for the messages that they name now.
void fix_numbers(SearchKey& key, const Selected& selected) {
  bool is_saved = key.kind == SearchKey::Kind::Uids && key.set.is_saved_result();
  if (key.kind == SearchKey::Kind::Sequence || is_saved) {
    auto numbers = selected.numbers(key.set, is_saved);
    if (!numbers) {
      // As the search itself has it: what lies beyond the last message names nothing.
      numbers = key.set.resolve(selected.exists());
      std::erase_if(*numbers, [&](NumberRange range) { return range.first > selected.exists(); });
      for (auto& range : *numbers) range.last = std::min(range.last, selected.exists());
    }
    bool is_negated = key.negated;
    key = key_of(selected.uids(*numbers));
    key.negated = key.negated != is_negated;
  }
  for (auto& child : key.children) fix_numbers(child, selected);
}

std::vector<std::uint32_t> as_numbers(const Selected& selected, const std::vector<Uid>& uids) {
  std::vector<std::uint32_t> numbers;
  for (auto uid : uids) {
    if (auto number = selected.number_of(uid)) numbers.push_back(*number);
  }
  std::ranges::sort(numbers);
  return numbers;
}

// Of `candidates`, ascending, those that match.
Task<Result<std::vector<Uid>>> matching(SessionContext& context, const Followed& followed,
                                        const std::vector<Uid>& candidates) {
  SearchRequest request = followed.request;
  SearchKey both;
  both.kind = SearchKey::Kind::And;
  both.children.push_back(key_of(candidates));
  both.children.push_back(std::move(request.key));
  request.key = std::move(both);
  request.asks_modseq = false;
  request.uses_numbers = false;
  auto finding = find_messages(context, request);
  CO_TRY(auto found, co_await std::move(finding));
  co_return context.selected()->uids(found);
}

// All results with those that have come, in their order.
Task<Result<std::vector<Uid>>> ordered(SessionContext& context, const Followed& followed,
                                       std::vector<Uid> uids) {
  auto& selected = *context.selected();
  if (followed.criteria.empty()) {
    std::ranges::sort(uids);
    co_return uids;
  }
  auto ordering = order_messages(context, followed.criteria, as_numbers(selected, uids));
  CO_TRY(auto numbers, co_await std::move(ordering));
  co_return selected.uids(numbers);
}

// RFC 5465 section 7: of new messages that match, the items that the client named.
Task<> tell_items(SessionContext& context, const Followed& followed, const std::vector<Uid>& added,
                  std::span<const Move> moves) {
  if (followed.request.update_items.empty()) co_return;
  RangeBuilder numbers;
  for (const auto& move : moves) {
    auto number = context.selected()->number_of(move.uid);
    if (number && std::ranges::binary_search(added, move.uid)) numbers.add(*number);
  }
  if (numbers.ranges().empty()) co_return;
  FetchRequest request;
  request.items = followed.request.update_items;
  // RFC 9051 section 7.5.2: with the UID, as all FETCH responses that answer no command.
  auto telling = fetch_numbers(context, numbers.ranges(), request, true);
  auto told = co_await std::move(telling);
  context.log_failure(told);
}

Task<> update(SessionContext& context, Followed& followed, const ToldMessages& told,
              const std::vector<Uid>& candidates) {
  auto finding = matching(context, followed, candidates);
  auto found = co_await std::move(finding);
  // What can't be read now is asked again at its next change.
  if (!found) co_return;
  auto& selected = *context.selected();
  std::vector<Uid> gone;
  std::ranges::set_difference(candidates, *found, std::back_inserter(gone));
  auto removed = take_out(followed, gone);
  context.put(moves_line(selected, followed, "REMOVEFROM", removed));
  std::set<Uid> all(followed.results.begin(), followed.results.end());
  auto before = all.size();
  all.insert(found->begin(), found->end());
  if (all.size() == before) co_return;
  auto ordering = ordered(context, followed, {all.begin(), all.end()});
  auto now = co_await std::move(ordering);
  if (!now) co_return;
  // What turns out to be gone already is told as gone first.
  for (auto uid : *now) all.erase(uid);
  gone.assign(all.begin(), all.end());
  context.put(moves_line(selected, followed, "REMOVEFROM", take_out(followed, gone)));
  auto moves = put_in(followed, *std::move(now));
  auto telling = tell_items(context, followed, told.added, moves);
  co_await std::move(telling);
  context.put(moves_line(selected, followed, "ADDTO", moves));
}

SearchContexts* contexts_of(SessionContext& context) {
  auto* selected = context.selected();
  return selected == nullptr ? nullptr : dynamic_cast<SearchContexts*>(selected->follower());
}

}  // namespace

bool SearchContexts::has(std::string_view tag) const {
  return std::ranges::find(all_, tag, &Followed::tag) != all_.end();
}

bool SearchContexts::cancel(std::string_view tag) {
  return std::erase_if(all_, [&](const Followed& followed) { return followed.tag == tag; }) > 0;
}

std::string SearchContexts::leave(const Selected& selected, std::span<const Uid> uids) {
  std::string out;
  for (auto& followed : all_) {
    out += moves_line(selected, followed, "REMOVEFROM", take_out(followed, uids));
  }
  return out;
}

Task<> SearchContexts::follow(SessionContext& context, const ToldMessages& told) {
  std::set<Uid> both(told.added.begin(), told.added.end());
  both.insert(told.flags.begin(), told.flags.end());
  std::vector<Uid> candidates(both.begin(), both.end());
  for (auto& followed : all_) {
    auto updating = update(context, followed, told, candidates);
    co_await std::move(updating);
  }
}

bool is_followed(SessionContext& context, std::string_view tag) {
  auto* contexts = contexts_of(context);
  return contexts != nullptr && contexts->has(tag);
}

void follow_search(SessionContext& context, std::string_view tag, bool is_uid,
                   const SearchRequest& request, const std::vector<SortCriterion>& criteria,
                   std::span<const std::uint32_t> numbers) {
  auto& selected = *context.selected();
  auto* contexts = contexts_of(context);
  if (contexts != nullptr && contexts->count() >= context.settings().imap_contexts_max) {
    // RFC 5267 section 4.3.1.
    std::string quoted;
    append_string(quoted, tag);
    context.put("* NO [NOUPDATE " + quoted + "] Too many contexts (imap_contexts_max)\r\n");
    return;
  }
  if (contexts == nullptr) {
    auto made = std::make_unique<SearchContexts>();
    contexts = made.get();
    selected.set_follower(std::move(made));
  }
  Followed followed;
  followed.tag = tag;
  followed.is_uid = is_uid;
  followed.request = request;
  followed.criteria = criteria;
  followed.results = selected.uids(numbers);
  fix_numbers(followed.request.key, selected);
  contexts->add(std::move(followed));
}

// RFC 5267 section 4.3.5.
Task<Reply> cancel_update(SessionContext& context, const CommandHead& command) {
  CO_TRY(auto tags, parse_tags(command.arguments, context.limits()));
  for (const auto& tag : tags) {
    if (!is_followed(context, tag)) co_return Reply::bad("No search with that tag is followed");
  }
  for (const auto& tag : tags) contexts_of(context)->cancel(tag);
  co_return Reply::ok("No further updates.");
}

}  // namespace pennypost::imap
