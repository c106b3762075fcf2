#include "smtpd/inbound/proxy_filter.h"

#include "common/base/enhanced_status.h"
#include "common/base/text.h"
#include "common/log/log.h"
#include "smtpd/delivery/smtp_client.h"

namespace pennypost::smtp {
namespace {

/// The client's settings: the service's time limit for everything, and a message as it came.
std::shared_ptr<const Config> client_config(const Config& config, const Settings& service) {
  auto made = std::make_shared<Config>(config);
  for (auto limit : {&Settings::smtp_helo_timeout, &Settings::smtp_mail_timeout,
                     &Settings::smtp_rcpt_timeout, &Settings::smtp_data_init_timeout,
                     &Settings::smtp_data_xfer_timeout, &Settings::smtp_data_done_timeout,
                     &Settings::smtp_rset_timeout, &Settings::smtp_quit_timeout,
                     &Settings::smtp_xforward_timeout, &Settings::smtp_connect_timeout}) {
    (*made).*limit = service.smtpd_proxy_timeout;
  }
  made->smtp_helo_name = service.smtpd_proxy_ehlo;
  made->smtp_send_xforward_command = true;
  made->smtp_discard_ehlo_keywords.clear();
  made->disable_mime_output_conversion = true;
  made->smtp_line_length_limit = 0;
  made->myhostname = " ";  // no host's name: the filter may well say ours
  return made;
}

}  // namespace

Reply reply_of_filter(std::string_view said) {
  auto code = parse_number(said.substr(0, 3)).value_or(451);
  std::string_view text = said.size() > 4 ? said.substr(4) : std::string_view("Error");
  // The client's connection does not end with the filter's.
  if (code == 421) code = 451;
  auto status = EnhancedStatus::take(text);
  return Reply(static_cast<int>(code), status ? status->text() : "", printable(text));
}

Reply filter_is_unusable() {
  return Reply(451, "4.3.0", "Error: the content filter can't be used now");
}

std::shared_ptr<const ProxyFilter> ProxyFilter::of(const Config& config, const std::string& service,
                                                   const Settings& settings) {
  if (settings.smtpd_proxy_filter.empty()) return nullptr;
  auto at = ServerRef::parse_filter(settings.smtpd_proxy_filter);
  ASSERT(at.has_value());  // it was checked when the configuration was read
  auto client = client_config(config, settings);
  bool is_stepwise = settings.smtpd_proxy_options.empty();
  return std::shared_ptr<const ProxyFilter>(
      new ProxyFilter(std::move(client), service, *std::move(at), is_stepwise));
}

void ProxyFilter::warn(std::string_view component, std::string_view problem) const {
  log_warning(component, "smtpd_proxy_filter " + at_.name() + ": " + std::string(problem));
}

Task<Result<std::unique_ptr<SmtpClient>>> ProxyFilter::open(Loop& loop, Backend& backend,
                                                            std::string component) const {
  auto connecting = backend.connect(at_, service_, client_->smtp_connect_timeout);
  auto stream = co_await std::move(connecting);
  if (!stream) {
    warn(component, stream.error().text());
    co_return std::move(stream).error();
  }
  TlsDemand plain;
  plain.level = TlsDemand::Level::None;
  auto address = IpAddress::parse(at_.host);
  Endpoint endpoint(address ? *address : IpAddress::loopback4(), at_.port);
  Target target(at_.host, endpoint);
  if (at_.is_unix()) target = Target("filter", at_.path);
  auto client = std::make_unique<SmtpClient>(loop, Protocol::Smtp, client_, std::move(*stream),
                                             std::move(target), std::move(plain), Login());
  Result<void> opened = Error::temporary("4.4.2", "lost connection");
  try {
    opened = co_await client->open();
  } catch (const Disconnected& why) {
    opened =
        Error::temporary("4.4.2", "lost connection while " + client->stage() + ": " + why.text());
  }
  if (opened) co_return std::move(client);
  warn(component, opened.error().text());
  co_return std::move(opened).error();
}

Task<Reply> ProxyFilter::pass(Loop& loop, Backend& backend, const Envelope& envelope,
                              std::string body, Descriptor file, std::string_view component) const {
  auto opening = open(loop, backend, std::string(component));
  auto opened = co_await std::move(opening);
  if (!opened) co_return filter_is_unusable();
  SmtpClient& client = **opened;
  client.deliver_to_all_or_none();
  MessageSource source(envelope, std::move(body), std::move(file));
  std::vector<Slot> slots;
  slots.reserve(envelope.recipients.size());
  std::vector<Slot*> open;
  for (const auto& recipient : envelope.recipients) open.push_back(&slots.emplace_back(recipient));
  bool is_over = false;
  try {
    co_await client.deliver(envelope, source, open);
    is_over = true;
    if (client.is_usable()) co_await client.quit();
  } catch (const Disconnected& why) {
    if (!is_over) {
      warn(component, "lost connection while " + client.stage() + ": " + why.text());
      co_return filter_is_unusable();
    }
  }
  // What the filter refused counts more than that the others then got no answer.
  const Outcome* last = nullptr;
  for (const Slot* slot : open) {
    const Outcome& outcome = *slot->outcome;
    bool is_refused = outcome.kind != OutcomeKind::Delivered && !outcome.diagnostic.empty();
    if (is_refused) co_return reply_of_filter(outcome.diagnostic);
    if (last == nullptr || outcome.kind != OutcomeKind::Delivered) last = &outcome;
  }
  if (last == nullptr) co_return filter_is_unusable();
  if (last->kind == OutcomeKind::Delivered) co_return reply_of_filter(last->diagnostic);
  warn(component, last->reason);
  if (last->kind == OutcomeKind::Bounce) co_return Reply(554, last->status, last->reason);
  co_return filter_is_unusable();
}

}  // namespace pennypost::smtp
