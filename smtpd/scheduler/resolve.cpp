// An active message's recipients in, groups that go the same way out; aliases become their
// children.
#include "smtpd/queue/incoming_header.h"
#include "smtpd/scheduler/active.h"

#include <algorithm>
#include <iterator>

#include "common/base/text.h"
#include "common/mail/header.h"
#include "common/mail/idn.h"

namespace pennypost::smtp {
namespace {

/// Recipients of one message that go the same way.
std::string group_key(const Route& route, const Recipient& recipient, const std::string& sender) {
  std::string key = std::to_string(static_cast<int>(route.transport));
  for (const auto& part : {lower(route.next_hop), route.name, route.account.name, recipient.run_as,
                           recipient.via, sender}) {
    key += '\n' + part;
  }
  // A list's owner may be the sender as well; what was asked for with the message differs.
  return key + (recipient.has_own_sender ? "\nlist" : "");
}

Outcome looped(const Recipient& recipient) {
  Outcome outcome;
  outcome.kind = OutcomeKind::Bounce;
  outcome.status = "5.4.6";
  outcome.reason = "mail forwarding loop for " + recipient.address;
  outcome.relay = "none";
  return outcome;
}

}  // namespace

Task<> Scheduler::ask_lookup(const Active& active, Question& question) {
  Resolve request;
  request.recipient = active.message->recipient(question.number).recipient;
  request.sender = active.message->sender_of(request.recipient);
  auto call = peers_.port("lookup").call(std::move(request));
  question.answer = co_await std::move(call);
}

/// Expansions are committed before it returns.
Task<std::vector<Scheduler::Group>> Scheduler::resolve(Active& active,
                                                       std::vector<std::uint32_t> numbers) {
  std::map<std::string, std::vector<Group>> by_way;
  bool has_expanded = false;
  while (!numbers.empty()) {
    std::vector<Question> questions;
    for (; !numbers.empty() && questions.size() < resolve_at_once_max; numbers.pop_back()) {
      active.tried.insert(numbers.back());
      questions.emplace_back(numbers.back());
    }
    Nursery asking(loop_);
    for (auto& question : questions) asking.start(ask_lookup(active, question));
    co_await asking.join();
    for (auto& [number, resolution] : questions) {
      Group alone;
      alone.recipients.push_back(number);
      alone.begun = clock_.now();
      if (!resolution) {
        apply_to_all(active, alone, outcome_from(resolution.error(), OutcomeKind::Retry));
      } else if (resolution->is_expansion) {
        auto looking = has_come_back(active, number, resolution->children);
        bool is_loop = co_await std::move(looking);
        if (is_loop) {
          apply_to_all(active, alone, looped(active.message->recipient(number).recipient));
          continue;
        }
        auto children = expand(active, number, std::move(resolution->children));
        numbers.insert(numbers.end(), children.begin(), children.end());
        has_expanded = true;
      } else {
        add_to_group(active, number, std::move(resolution->route), by_way);
      }
    }
  }
  if (has_expanded) co_await record(active);
  std::vector<Group> groups;
  for (auto& [key, ways] : by_way) {
    std::move(ways.begin(), ways.end(), std::back_inserter(groups));
  }
  co_return std::move(groups);
}

/// RFC 5321 section 6.3: whether an alias that leads to `children` has led this message on before:
/// then it bears Delivered-To: of that address.
Task<bool> Scheduler::has_come_back(Active& active, std::uint32_t number,
                                    const std::vector<Recipient>& children) {
  const std::string address = active.message->recipient(number).recipient.address;
  bool is_alias =
      std::ranges::any_of(children, [&](const Recipient& child) { return child.via == address; });
  if (!is_alias) co_return false;
  if (!active.delivered_to) {
    auto reading = queue_.text(active.message->envelope(), header_block_bytes_max);
    auto text = co_await std::move(reading);
    std::string header = text ? *std::move(text) : std::string();
    active.delivered_to.emplace();
    for (const auto& field : HeaderFields(header)) {
      if (field.is("Delivered-To")) active.delivered_to->insert(folded_address(field.value()));
    }
  }
  co_return active.delivered_to->contains(folded_address(address));
}

/// The new recipients that are pending.
std::vector<std::uint32_t> Scheduler::expand(Active& active, std::uint32_t number,
                                             std::vector<Recipient> children) {
  auto depth_max = static_cast<std::size_t>(peers_.config()->alias_depth_max);
  auto added = active.message->expand(number, std::move(children), depth_max);
  Group alone;
  alone.begun = clock_.now();
  if (!added) {
    alone.recipients.push_back(number);
    apply_to_all(active, alone, outcome_from(added.error(), OutcomeKind::Bounce));
    return {};
  }
  std::vector<std::uint32_t> pending;
  for (auto child : *added) {
    if (active.message->recipient(child).state == RecipientState::Pending) {
      pending.push_back(child);
      continue;
    }
    // A loop: failed before it was tried.
    Outcome outcome;
    outcome.recipient = child;
    outcome.kind = OutcomeKind::Bounce;
    outcome.status = active.message->recipient(child).status;
    outcome.reason = active.message->recipient(child).reason;
    outcome.relay = "none";
    apply(active, alone, outcome);
  }
  return pending;
}

void Scheduler::add_to_group(Active& active, std::uint32_t number, Route route,
                             std::map<std::string, std::vector<Group>>& by_way) {
  auto config = peers_.config();
  const auto& recipient = active.message->recipient(number).recipient;
  auto& ways = by_way[group_key(route, recipient, active.message->sender_of(recipient))];
  auto most = static_cast<std::size_t>(config->default_destination_recipient_limit);
  if (ways.empty() || ways.back().recipients.size() >= most) {
    Group group;
    group.route = std::move(route);
    group.run_as = recipient.run_as;
    group.via = recipient.via;
    group.sender = active.message->sender_of(recipient);
    ways.push_back(std::move(group));
  }
  ways.back().recipients.push_back(number);
}

}  // namespace pennypost::smtp
