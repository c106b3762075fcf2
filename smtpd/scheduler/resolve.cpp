// Resolves the recipients of an active message: replaces aliases by their members, and groups
// recipients by route.
#include "smtpd/scheduler/active_message.h"

#include <algorithm>
#include <iterator>

#include "common/async/nursery.h"
#include "common/base/text.h"
#include "common/mail/header.h"
#include "common/mail/idn.h"
#include "smtpd/queue/incoming_header.h"
#include "smtpd/routing/messages.h"
#include "smtpd/scheduler/outcomes.h"

namespace pennypost::smtp {
namespace {

/// A key that is equal for recipients of one message that may share an attempt.
std::string group_key(const Route& route, const Recipient& recipient, const std::string& sender) {
  std::string key = std::to_string(static_cast<int>(route.transport));
  for (const auto& part : {comparable_next_hop(route), route.name, route.account.name,
                           recipient.run_as, recipient.via, sender}) {
    key += '\n' + part;
  }
  // A list's owner may be the sender, too, but the list's members don't get the sender's DSN
  // requests.
  return key + (recipient.has_own_sender ? "\nlist" : "");
}

}  // namespace

/// A request to `lookup` about a recipient, and its answer.
struct ActiveMessage::Question {
  explicit Question(std::uint32_t of) : number(of) {}
  std::uint32_t number;
  Result<Resolution> answer{Error::temporary("4.3.0", "not asked")};
};

Task<> ActiveMessage::ask_lookup(Question& question) {
  Resolve request;
  request.recipient = message_->recipient(question.number).recipient;
  request.sender = message_->plain_sender_of(request.recipient);
  request.filter = message_->envelope().filter;
  auto call = context_.peers.port("lookup").call(std::move(request));
  question.answer = co_await std::move(call);
  // `lookup` ends a moment before us: the news that we stop as well may be next.
  if (!question.answer) co_await context_.loop.yield();
}

/// Returns the groups; expansions are committed before that.
Task<std::vector<ActiveMessage::Group>> ActiveMessage::resolve(std::vector<std::uint32_t> numbers) {
  std::map<std::string, std::vector<Group>> by_way;
  bool has_expanded = false;
  while (!numbers.empty()) {
    std::vector<Question> questions;
    for (; !numbers.empty() && questions.size() < resolve_at_once_max; numbers.pop_back()) {
      tried_.insert(numbers.back());
      questions.emplace_back(numbers.back());
    }
    Nursery asking(context_.loop);
    for (auto& question : questions) asking.start(ask_lookup(question));
    co_await asking.join();
    for (auto& [number, resolution] : questions) {
      Group alone;
      alone.recipients.push_back(number);
      alone.begun = context_.clock.now();
      // Then nothing was tried, and the recipient is as before: its turn is at the next start.
      if (!resolution && context_.is_draining()) continue;
      if (!resolution) {
        apply_to_all(alone, outcome_of(resolution.error(), OutcomeKind::Retry));
      } else if (resolution->is_expansion) {
        auto looking = has_come_back(number, resolution->children);
        bool is_loop = co_await std::move(looking);
        if (is_loop) {
          apply_to_all(alone, loop_outcome(message_->recipient(number).recipient.address));
          continue;
        }
        auto children = expand(number, std::move(resolution->children));
        numbers.insert(numbers.end(), children.begin(), children.end());
        has_expanded = true;
      } else {
        add_to_group(number, *std::move(resolution), by_way);
      }
    }
  }
  if (has_expanded) co_await record();
  std::vector<Group> groups;
  for (auto& [key, ways] : by_way) {
    std::move(ways.begin(), ways.end(), std::back_inserter(groups));
  }
  co_return std::move(groups);
}

/// RFC 5321 section 6.3: whether this message has already passed the alias that leads to
/// `children`: then it has a Delivered-To: with that address.
Task<bool> ActiveMessage::has_come_back(std::uint32_t number,
                                        const std::vector<Recipient>& children) {
  const std::string address = message_->recipient(number).recipient.address;
  bool is_alias =
      std::ranges::any_of(children, [&](const Recipient& child) { return child.via == address; });
  if (!is_alias) co_return false;
  if (!delivered_to_) {
    auto reading = context_.queue.text(message_->envelope(), header_block_bytes_max);
    auto text = co_await std::move(reading);
    std::string header = text ? *std::move(text) : std::string();
    delivered_to_.emplace();
    for (const auto& field : HeaderFields(header)) {
      if (field.is("Delivered-To")) delivered_to_->insert(folded_address(field.value()));
    }
  }
  co_return delivered_to_->contains(folded_address(address));
}

/// Expands a recipient; returns the new recipients that are pending.
std::vector<std::uint32_t> ActiveMessage::expand(std::uint32_t number,
                                                 std::vector<Recipient> children) {
  auto depth_max = context_.peers.config()->alias_depth_max;
  return pending_of(number, message_->expand(number, std::move(children), depth_max));
}

/// Sends the recipient's mail to `children` as well.
void ActiveMessage::redirect(std::uint32_t number, std::vector<Recipient> children) {
  auto depth_max = context_.peers.config()->alias_depth_max;
  pending_of(number, message_->redirect(number, std::move(children), depth_max));
}

/// Of the recipients added to `number`, those that are pending; the others have failed already.
std::vector<std::uint32_t> ActiveMessage::pending_of(
    std::uint32_t number, const Result<std::vector<std::uint32_t>>& added) {
  Group alone;
  alone.begun = context_.clock.now();
  if (!added) {
    alone.recipients.push_back(number);
    apply_to_all(alone, outcome_of(added.error(), OutcomeKind::Bounce));
    return {};
  }
  std::vector<std::uint32_t> pending;
  for (auto child : *added) {
    if (message_->recipient(child).state == RecipientState::Pending) {
      pending.push_back(child);
      continue;
    }
    // A loop: it has failed without an attempt.
    Outcome outcome;
    outcome.recipient = child;
    outcome.kind = OutcomeKind::Bounce;
    outcome.status = message_->recipient(child).status;
    outcome.reason = message_->recipient(child).reason;
    outcome.relay = "none";
    apply(alone, outcome);
  }
  return pending;
}

void ActiveMessage::add_to_group(std::uint32_t number, Resolution resolution,
                                 std::map<std::string, std::vector<Group>>& by_way) {
  auto config = context_.peers.config();
  Route& route = resolution.route;
  const auto& recipient = message_->recipient(number).recipient;
  std::string sender = resolution.srs_sender.empty() ? message_->sender_of(recipient)
                                                     : std::move(resolution.srs_sender);
  auto& ways = by_way[group_key(route, recipient, sender)];
  auto limits = transport_limits(*config, settings_name(route));
  if (ways.empty() || !limits.recipients.has_room_beside(ways.back().recipients.size())) {
    Group group;
    bool is_onward = is_sent(route.transport) || route.transport == Transport::Program;
    bool is_sole = is_onward && limits.is_for_each_recipient();
    if (is_sole) group.sole_address = recipient.address;
    group.route = std::move(route);
    group.run_as = recipient.run_as;
    group.via = recipient.via;
    group.sender = std::move(sender);
    ways.push_back(std::move(group));
  }
  ways.back().recipients.push_back(number);
}

}  // namespace pennypost::smtp
