// XCLIENT, XFORWARD and ETRN: what trusted clients may say of others, and ask of the queue.
//
// After XCLIENT the session begins anew, as with the client that it names: a greeting, and nothing
// known of what was said before but what the command told. XFORWARD changes nothing of what the
// client may do: it is for the log, and for the next host.
//
// SEE ALSO   forwarded.h (their arguments)

#include <algorithm>

#include "common/base/text.h"
#include "smtpd/inbound/session.h"

namespace pennypost::smtp {

Task<Reply> Session::xclient(std::string_view arguments) {
  if (!may_xclient_) co_return Reply(550, "5.7.0", "Error: insufficient authorization");
  if (transaction_) co_return Reply(503, "5.5.1", "Error: MAIL transaction in progress");
  CO_TRY(auto said, Forwarded::parse_xclient(arguments));
  if (said.name) {
    client_name_ = said.name->name();
    is_name_lookup_failed_ = said.name->is_temporary;
  }
  if (said.reverse_name) reverse_name_ = said.reverse_name->name();
  std::uint16_t port = said.port.value_or(peer_.port());
  IpAddress address = peer_.address();
  if (said.address) {
    has_address_ = said.address->has_value();
    if (has_address_) address = **said.address;
  }
  peer_ = Endpoint(address, port);
  client_address_ = has_address_ ? address.text() : "unknown";
  is_in_mynetworks_ = has_address_ && context_->is_in_mynetworks(address);
  local_ = Endpoint(said.server_address.value_or(local_.address()),
                    said.server_port.value_or(local_.port()));
  helo_ = said.helo ? said.helo->text : "";
  is_extended_ = said.is_extended.value_or(false);
  login_.reset();
  if (said.login && !said.login->text.empty()) {
    login_.emplace();
    login_->mechanism = "XCLIENT";
    login_->name = said.login->text;
  }
  list_login();
  may_relay_ = false;
  client_deferral_ = {};
  helo_deferral_ = {};
  auto welcoming = welcome();
  co_return co_await std::move(welcoming);
}

Task<Reply> Session::xforward(std::string_view arguments) {
  if (!may_xforward_) co_return Reply(550, "5.7.0", "Error: insufficient authorization");
  if (transaction_) co_return Reply(503, "5.5.1", "Error: MAIL transaction in progress");
  CO_TRY(auto said, Forwarded::parse_xforward(arguments));
  if (!forwarded_) forwarded_ = std::make_unique<Forwarded>();
  forwarded_->merge(std::move(said));
  co_return Reply(250, "2.0.0", "Ok");
}

/// Whose mail it was, as XFORWARD said: for whoever gets it next.
void Session::forward_origin(Envelope& envelope) const {
  const Forwarded& said = *forwarded_;
  if (said.name) envelope.client_name = said.name->name();
  if (said.address) envelope.client_address = *said.address ? (*said.address)->text() : "unknown";
  if (said.helo) envelope.helo = said.helo->text;
  if (said.is_extended) envelope.protocol = *said.is_extended ? "ESMTP" : "SMTP";
}

LogOrigin Session::log_forwarded() const {
  LogOrigin origin;
  if (!forwarded_) return origin;
  if (forwarded_->ident) origin.queue_id = forwarded_->ident->text;
  if (forwarded_->name || forwarded_->address) {
    std::string address = "unknown";
    if (forwarded_->address && *forwarded_->address) address = (*forwarded_->address)->text();
    origin.client =
        std::string(forwarded_->name ? forwarded_->name->name() : "unknown") + "[" + address + "]";
  }
  return origin;
}

/// RFC 1985 section 5. `@domain` asks for the domains below it as well, `#queue` for a queue; we
/// take both for the domain, as Postfix does.
Task<Reply> Session::etrn(std::string_view arguments) {
  if (transaction_) co_return Reply(503, "5.5.1", "Error: MAIL transaction in progress");
  auto given = words(arguments, " \t");
  if (given.size() != 1) co_return Reply(500, "5.5.4", "Syntax: ETRN domain");
  std::string_view name = given[0];
  if (name.starts_with('@') || name.starts_with('#')) name.remove_prefix(1);
  auto domain = Domain::parse(name);
  if (!domain) co_return Reply(501, "5.5.4", "Error: invalid parameter syntax");
  etrn_domain_ = domain->key();
  auto checking = check("smtpd_etrn_restrictions", true);
  auto refused = co_await std::move(checking);
  std::string flushed = std::exchange(etrn_domain_, {});
  if (refused) co_return *std::move(refused);
  FlushSite request;
  request.site = std::move(flushed);
  auto done = co_await context_->backend().flush(std::move(request));
  if (!done) co_return Reply(458, "4.3.0", "Unable to queue messages");
  co_return Reply(250, "2.0.0", "Queuing started");
}

}  // namespace pennypost::smtp
