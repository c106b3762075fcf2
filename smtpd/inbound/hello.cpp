// Answers the commands outside of a transaction: EHLO and LHLO with what they announce, HELO, HELP,
// NOOP, QUIT, RSET, STARTTLS and VRFY. Members of Session.
//
// LIMITS  helo_bytes_max of a client's name, the rest is cut off
#include "common/base/text.h"
#include "common/mail/address.h"
#include "smtpd/inbound/session.h"

namespace pennypost::smtp {
namespace {

constexpr std::size_t helo_bytes_max = 255;

}  // namespace

Task<Reply> Session::ehlo(std::string_view arguments) {
  return hello(printable(arguments.substr(0, arguments.find_first_of(" \t")), helo_bytes_max),
               true);
}

Task<Reply> Session::helo(std::string_view arguments) {
  return hello(printable(arguments.substr(0, arguments.find_first_of(" \t")), helo_bytes_max),
               false);
}

Task<Reply> Session::lhlo(std::string_view arguments) { return ehlo(arguments); }

/// RFC 5321 section 4.1.1.1: EHLO and HELO also end a transaction.
Task<Reply> Session::hello(std::string name, bool is_extended) {
  if (name.empty()) {
    co_return Reply(501, "", "Syntax: " + std::string(stage_) + " hostname");
  }
  end_transaction();
  helo_ = std::move(name);
  helo_deferral_ = {};
  is_extended_ = is_extended;
  bool is_wanted = !settings_.smtpd_delay_reject && !is_screened_out_ &&
                   !settings_.smtpd_helo_restrictions.empty();
  auto checking = check("smtpd_helo_restrictions", is_wanted);
  auto refused = co_await std::move(checking);
  if (!refused && filters_.has(Filter::Helo) && !is_screened_out_) {
    auto asking = ask_filters(&FilterChain::helo);
    refused = co_await std::move(asking);
  }
  if (!refused && milters_ && !is_screened_out_) {
    auto telling = tell_milters_helo(helo_);
    refused = co_await std::move(telling);
  }
  if (refused) {
    helo_.clear();
    co_return *std::move(refused);
  }
  if (is_extended) co_await learn_offer();
  std::string text = settings_.myhostname;
  if (is_extended) text += extensions();
  co_return Reply(250, "", std::move(text));
}

/// The extensions that EHLO announces: those that this client may use now.
std::string Session::extensions() const {
  std::string text;
  auto add = [&](std::string_view keyword, const std::string& value = {}) {
    if (context_->discards_keyword(keyword)) return;
    text += "\n" + std::string(keyword);
    if (!value.empty()) text += " " + value;
  };
  if (!screen_ || !screen_->hides_pipelining()) add("PIPELINING");
  auto bytes_max = context_->message_bytes_max();
  add("SIZE", bytes_max.is_none() ? "" : std::to_string(bytes_max.value()));
  if (!settings_.disable_vrfy_command) add("VRFY");
  if (context_->offers_tls() && tls_ == nullptr) add("STARTTLS");
  if (offers_auth() && !is_screened_out_) {
    std::string names = join(offer().mechanisms, " ");
    add("AUTH", names);
    if (settings_.broken_sasl_auth_clients) text += "\nAUTH=" + names;
  }
  add("ENHANCEDSTATUSCODES");
  add("8BITMIME");
  add("DSN");
  if (settings_.smtputf8_enable) add("SMTPUTF8");
  // RFC 8689 section 4.1: only where the session has TLS.
  if (settings_.requiretls_enable && tls_ != nullptr) add("REQUIRETLS");
  add("CHUNKING");
  if (context_->may_flush()) add("ETRN");
  if (may_verp_) add("XVERP");
  if (may_xclient_) add("XCLIENT", std::string(xclient_attributes));
  if (may_xforward_) add("XFORWARD", std::string(xforward_attributes));
  add("HELP");
  return text;
}

Task<Reply> Session::help(std::string_view) {
  std::string text = "Commands:";
  for (const Command& command : commands()) {
    bool is_hidden = !is_of_protocol(command) ||
                     (command.handler == &Session::etrn && !context_->may_flush()) ||
                     (command.handler == &Session::xclient && !may_xclient_) ||
                     (command.handler == &Session::xforward && !may_xforward_);
    if (!is_hidden) text += " " + std::string(command.name);
  }
  text +=
      "\nSee RFC 5321. The administrator of this mail system is postmaster@" + settings_.myhostname;
  co_return Reply(214, "2.0.0", std::move(text));
}

Task<Reply> Session::noop(std::string_view) { co_return Reply(250, "2.0.0", "Ok"); }

Task<Reply> Session::quit(std::string_view arguments) {
  if (!arguments.empty()) co_return Reply(501, "5.5.4", "Syntax: QUIT");
  co_return Reply(221, "2.0.0", "Bye");
}

Task<Reply> Session::rset(std::string_view arguments) {
  if (!arguments.empty()) co_return Reply(501, "5.5.4", "Syntax: RSET");
  end_transaction();
  co_return Reply(250, "2.0.0", "Ok");
}

/// RFC 5321 section 3.5.3: 252 does not tell whether the mailbox exists.
Task<Reply> Session::vrfy(std::string_view arguments) {
  if (settings_.disable_vrfy_command) {
    co_return Reply(502, "5.5.1", "VRFY command is disabled");
  }
  if (arguments.empty()) co_return Reply(501, "5.5.4", "Syntax: VRFY address");
  auto address = MailAddress::parse_path(arguments);
  if (!address || address->is_null()) {
    co_return Reply(501, "5.1.3", "Bad recipient address syntax");
  }
  co_return Reply(252, "2.0.0", address->text());
}

/// RFC 3207 section 4: discards everything that the client said in plain text.
Task<Reply> Session::starttls(std::string_view arguments) {
  if (!arguments.empty()) co_return Reply(501, "5.5.4", "Syntax: STARTTLS");
  if (tls_ != nullptr) co_return Reply(554, "5.5.1", "Error: TLS already active");
  if (!context_->offers_tls()) co_return Reply(502, "5.5.1", "Error: command not implemented");
  end_transaction();
  std::string wire;
  Reply(220, "2.0.0", "Ready to start TLS").append_to(wire);
  put(wire);
  co_await secure();
  helo_.clear();
  is_extended_ = false;
  login_.reset();
  list_login();
  co_return Reply::already_sent();
}

}  // namespace pennypost::smtp
