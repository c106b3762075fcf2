#include "smtpd/scheduler/outcomes.h"

#include <algorithm>

#include "common/base/enhanced_status.h"
#include "common/base/text.h"
#include "smtpd/queue/check_envelope.h"

namespace pennypost::smtp {

Outcome outcome_of(const Error& error, OutcomeKind kind) {
  Outcome outcome;
  outcome.kind = kind;
  outcome.relay = "none";
  bool is_final = kind == OutcomeKind::Bounce;
  auto otherwise = is_final ? EnhancedStatus("5.3.0") : EnhancedStatus("4.3.0");
  outcome.status = error.status().value_or(otherwise).text();
  outcome.reason = error.text();
  return outcome;
}

std::optional<Outcome> outcome_of_route(const Route& route) {
  Outcome outcome;
  outcome.relay = "none";
  outcome.reason = route.next_hop;
  if (route.transport == Transport::Error) {
    outcome.kind = route.status.starts_with('4') ? OutcomeKind::Retry : OutcomeKind::Bounce;
    outcome.status = route.status.empty() ? "5.3.0" : route.status;
    return outcome;
  }
  // `nobody: /dev/null` in alias_maps discards, too.
  bool is_null_file = route.transport == Transport::File && route.next_hop == "/dev/null";
  if (!is_null_file && route.transport != Transport::Discard) return {};
  outcome.kind = OutcomeKind::Delivered;
  outcome.status = "2.0.0";
  outcome.is_repeatable = true;
  if (is_null_file) {
    outcome.reason = "delivered to file: /dev/null";
    outcome.relay = "local";
  }
  return outcome;
}

Outcome deferred_outcome(std::string status, std::string reason) {
  Outcome outcome;
  outcome.status = std::move(status);
  outcome.reason = std::move(reason);
  outcome.relay = "none";
  return outcome;
}

Outcome loop_outcome(const std::string& address) {
  Outcome outcome;
  outcome.kind = OutcomeKind::Bounce;
  outcome.status = "5.4.6";
  outcome.reason = "mail forwarding loop for " + address;
  outcome.relay = "none";
  return outcome;
}

bool is_connection_failure(const std::vector<Outcome>& outcomes) {
  return !outcomes.empty() && std::ranges::all_of(outcomes, [](const Outcome& outcome) {
    return outcome.kind == OutcomeKind::Retry && outcome.status.starts_with("4.4.");
  });
}

Result<void> check_outcome(const Outcome& outcome, Transport transport) {
  if (transport == Transport::Program && outcome.kind == OutcomeKind::Expand) {
    return Error::permanent("a pipe transport names no recipients");
  }
  bool has_redirects = !outcome.children.empty() && outcome.kind != OutcomeKind::Expand;
  if (!has_redirects && outcome.replies.empty()) return {};
  if (transport != Transport::Local)
    return Error::permanent("only delivery to a mailbox has a filter");
  if (has_redirects && outcome.kind != OutcomeKind::Delivered) {
    return Error::permanent("redirects beside a message that was not stored");
  }
  if (outcome.kind == OutcomeKind::Retry || outcome.kind == OutcomeKind::Bounce) {
    return Error::permanent("replies to a message that was not delivered");
  }
  auto redirects = has_redirects ? outcome.children.size() : 0;
  if (redirects + outcome.replies.size() > store::delivery_actions_max) {
    return Error::permanent("more than " + std::to_string(store::delivery_actions_max) +
                            " redirects and replies");
  }
  for (const auto& reply : outcome.replies) {
    TRY_DO(store::check_reply(reply));
  }
  if (!has_redirects) return {};
  for (const auto& child : outcome.children) {
    if (child.kind != RecipientKind::Address) return Error::permanent("a redirect to no address");
    TRY_DO(store::check_redirect(child.address));
  }
  return {};
}

std::vector<Recipient> children_of_delivery(const Recipient& parent, const AccountRef& account,
                                            const std::vector<Recipient>& named) {
  std::vector<Recipient> children;
  for (const auto& one : named) {
    bool is_address = one.kind == RecipientKind::Address;
    bool is_text = one.address.size() <= envelope_text_bytes_max &&
                   std::ranges::none_of(one.address, [](char c) { return is_control(c); });
    if (one.address.empty() || !is_text || (!is_address && !account.is_system)) continue;
    Recipient child = parent;
    child.number = 0;
    child.kind = one.kind;
    child.address = one.address;
    child.is_self = is_address && one.is_self;
    child.is_virtual_self = false;
    child.run_as = is_address ? std::string() : account.name;
    child.via = parent.kind == RecipientKind::Address ? parent.address : parent.via;
    children.push_back(std::move(child));
  }
  return children;
}

}  // namespace pennypost::smtp
