#include "smtpd/delivery/local.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "common/base/clock.h"
#include "common/base/text.h"
#include "common/log/log.h"
#include "common/mail/address.h"
#include "common/mail/date.h"
#include "common/mail/idn.h"
#include "common/process/running_program.h"
#include "smtpd/delivery/command.h"
#include "smtpd/delivery/delivered_to.h"
#include "smtpd/delivery/forward_file.h"
#include "smtpd/delivery/message_pieces.h"
#include "smtpd/delivery/quota_warning.h"
#include "smtpd/routing/expansion.h"
#include "smtpd/routing/list_file.h"
#include "store/mailbox/mailbox.h"
#include "store/maps/address_lookup.h"
#include "store/stores/store_settings.h"
#include "store/stores/stores.h"

namespace pennypost::smtp {
namespace {

Outcome outcome(const Recipient& recipient, OutcomeKind kind, std::string status,
                std::string reason) {
  Outcome made;
  made.recipient = recipient.number;
  made.kind = kind;
  made.status = std::move(status);
  made.reason = std::move(reason);
  made.relay = "local";
  return made;
}

OutcomeKind kind_of(store::DeliveryOutcome::Kind kind) {
  switch (kind) {
    case store::DeliveryOutcome::Kind::Delivered:
      return OutcomeKind::Delivered;
    case store::DeliveryOutcome::Kind::Discarded:
      return OutcomeKind::Discarded;
    case store::DeliveryOutcome::Kind::Retry:
      return OutcomeKind::Retry;
    case store::DeliveryOutcome::Kind::Bounce:
      break;
  }
  return OutcomeKind::Bounce;
}

Outcome outcome(const Recipient& recipient, store::DeliveryOutcome from) {
  auto made = outcome(recipient, kind_of(from.kind), std::move(from.dsn), std::move(from.reason));
  made.is_partly_done = from.is_partly_done;
  return made;
}

Outcome outcome(const Recipient& recipient, const Error& error) {
  auto otherwise = error.is_temporary() ? EnhancedStatus("4.3.0") : EnhancedStatus("5.3.0");
  auto kind = error.is_temporary() ? OutcomeKind::Retry : OutcomeKind::Bounce;
  return outcome(recipient, kind, error.status().value_or(otherwise).text(), error.text());
}

const std::string& sender_of(const Attempt& attempt, const Recipient& recipient) {
  return recipient.has_own_sender ? recipient.sender : attempt.envelope.sender;
}

store::Delivery delivery_of(const Attempt& attempt, const Recipient& recipient,
                            const store::Pieces& pieces) {
  store::Delivery delivery;
  delivery.return_path = sender_of(attempt, recipient);
  delivery.delivered_to = recipient.served_address();
  delivery.original_to = recipient.original;
  delivery.queue_id = attempt.envelope.id.value();
  delivery.recipient_number = recipient.number;
  delivery.arrival_seconds = attempt.envelope.arrival / 1'000'000;
  delivery.maybe_repeated = attempt.is_repeat;
  delivery.body = pieces;
  return delivery;
}

/// The names that settings may use for a recipient. If there are several delimiters,
/// recipient_delimiter is the one in the address.
UserNames names_of(const Config& config, const AccountRef& account, const std::string& address) {
  UserNames names;
  names.home = account.home;
  names.user = account.name;
  names.recipient = address;
  auto at = address.rfind('@');
  names.local = address.substr(0, at);
  if (at != std::string::npos) names.domain = address.substr(at + 1);
  names.recipient_delimiter = config.recipient_delimiter.substr(0, 1);
  auto split = store::split_local_part(names.local, config.recipient_delimiter);
  if (split.delimiter != '\0') {
    names.recipient_delimiter = split.delimiter;
    names.extension = split.extension;
    names.local.resize(split.user.size());
  }
  return names;
}

/// Turns a filter's redirects to `address` itself into a copy in INBOX, as a .forward that names
/// its own user means the mailbox, and notes in which folders copies will be.
class KeepingOwn final : public store::DeliveryFilter {
 public:
  KeepingOwn(store::DeliveryFilter& filter, const std::string& address,
             std::vector<std::string>* folders)
      : filter_(filter), address_(folded_address(address)), folders_(folders) {}

  store::DeliveryChoice choose(const store::Delivery& delivery) override {
    auto choice = filter_.choose(delivery);
    auto own = std::erase_if(choice.redirects,
                             [&](const auto& to) { return folded_address(to) == address_; });
    for (auto& reply : choice.replies) {
      if (!reply.is_redirect || folded_address(reply.recipient) != address_) continue;
      choice.placements.emplace_back();
      choice.placements.back().text = std::make_shared<const std::string>(std::move(reply.text));
      reply.recipient.clear();
    }
    std::erase_if(choice.replies, [](const auto& reply) { return reply.recipient.empty(); });
    if (own > 0) choice.placements.emplace_back();
    for (const auto& placement : choice.placements) {
      if (folders_ != nullptr) folders_->push_back(placement.folder);
    }
    return choice;
  }
  Result<void> remember() override { return filter_.remember(); }

 private:
  store::DeliveryFilter& filter_;
  const std::string address_;
  std::vector<std::string>* folders_;
};

class LocalDelivery {
 public:
  LocalDelivery(const Config& config, const Attempt& attempt, const Recipient& recipient,
                store::Pieces pieces, store::DeliveryFilter& filter,
                std::vector<std::string>* folders)
      : config_(config),
        attempt_(attempt),
        recipient_(recipient),
        pieces_(std::move(pieces)),
        filter_(filter),
        folders_(folders),
        names_(names_of(config, attempt.route.account, recipient.served_address())) {}

  Outcome run() {
    if (is_in_loop()) {
      return outcome(recipient_, OutcomeKind::Bounce, "5.4.6",
                     "mail forwarding loop for " + recipient_.address);
    }
    switch (attempt_.route.transport) {
      case Transport::Pipe:
        return to_command(recipient_.address);
      case Transport::File:
        return to_file();
      case Transport::Include:
        return include();
      default:
        break;
    }
    if (account().is_system && !recipient_.is_self) {
      auto forward = read_forward_file(config_, account(), names_);
      if (!forward) return outcome(recipient_, forward.error());
      if (*forward) {
        return expand((*forward)->items, "forward", "forwarded by " + (*forward)->path);
      }
    }
    // Of a system user's mailbox, next_hop is his command in mailbox_command_maps.
    const auto& own_command = attempt_.route.next_hop;
    const auto& command = own_command.empty() ? config_.mailbox_command : own_command;
    if (account().is_system && !command.empty()) return to_command(command);
    return to_mailbox();
  }

 private:
  const AccountRef& account() const { return attempt_.route.account; }

  /// RFC 5321 section 6.3: a loop shows in the trace that a message carries.
  bool is_in_loop() {
    return recipient_.kind == RecipientKind::Address &&
           is_delivered_to(pieces_, recipient_.address);
  }

  /// This user's files may name commands and files, which are used as this user, and lists that he
  /// may read.
  ExpansionRules own_rules(const char* place) const {
    ExpansionRules rules;
    rules.place = place;
    rules.run_as = account().name;
    rules.read_list = [this](const std::string& path) -> Result<IncludedList> {
      auto bytes_max = config_.dot_forward_bytes_max;
      TRY(auto file, read_list_of_user(path, account().name, account().uid, bytes_max));
      if (!file) return Error::temporary("no such file");
      IncludedList list;
      list.text = std::move(file->text);
      return list;
    };
    return rules;
  }

  Outcome expand(const std::vector<store::AliasItem>& items, const char* place,
                 const std::string& reason) {
    auto children = expand_items(items, recipient_, config_, own_rules(place));
    if (!children) return outcome(recipient_, children.error());
    if (children->empty()) {
      return outcome(recipient_, OutcomeKind::Bounce, "5.2.4", "it leads to nobody");
    }
    auto made = outcome(recipient_, OutcomeKind::Expand, "2.0.0", reason);
    made.children = *std::move(children);
    return made;
  }

  /// Expands an :include: list of this user that root's aliases name.
  Outcome include() {
    store::AliasItem list{store::AliasItem::Kind::Include, recipient_.address};
    return expand({list}, "include", "expanded by " + recipient_.address);
  }

  Outcome to_mailbox() {
    store::LocationUser user;
    user.name = account().name;
    user.home = account().home;
    auto location = store::MailLocation::parse(account().mail_location, user);
    if (!location) return outcome(recipient_, Error::temporary(location.error().text()));
    KeepingOwn filter(filter_, recipient_.address, folders_);
    return store_in(*std::move(location), store::store_settings(config_, account()), filter);
  }

  /// Delivers to a /file of alias_maps or .forward: an mbox, or a Maildir if the name ends in /.
  Outcome to_file() {
    store::MailLocation location;
    std::filesystem::path path(recipient_.address);
    bool is_maildir = recipient_.address.ends_with('/');
    location.format =
        is_maildir ? store::MailLocation::Format::Maildir : store::MailLocation::Format::Mbox;
    location.root = path.parent_path();
    location.inbox = is_maildir ? location.root : recipient_.address;
    if (is_maildir) location.index = location.root;
    auto settings = store::store_settings(config_, {});
    settings.dotlock_may_fail = true;
    store::KeepInInbox everything;
    auto made = store_in(std::move(location), std::move(settings), everything);
    if (made.kind == OutcomeKind::Delivered) {
      made.reason = "delivered to file: " + recipient_.address;
    }
    return made;
  }

  Outcome store_in(store::MailLocation location, store::StoreSettings settings,
                   store::DeliveryFilter& filter) {
    bool is_maildir = location.format == store::MailLocation::Format::Maildir;
    auto mail = store::open_store(std::move(location), std::move(settings));
    auto before = usage_to_watch(*mail);
    auto delivered = mail->deliver(delivery_of(attempt_, recipient_, pieces_), filter);
    for (const auto& warning : delivered.warnings) {
      log_warning("local", attempt_.envelope.id.value() + ": " + recipient_.address + ": " +
                               printable(warning));
    }
    bool is_stored = delivered.kind == store::DeliveryOutcome::Kind::Delivered;
    if (before && is_stored) add_warning(*mail, *before, delivered);
    auto made = with_additions(std::move(delivered));
    made.is_repeatable = (is_stored && is_maildir) || made.kind == OutcomeKind::Discarded;
    return made;
  }

  /// What the account uses, if a delivery may have to warn its user.
  std::optional<store::Usage> usage_to_watch(store::MailStore& mail) const {
    if (config_.quota_warning.empty() || account().quota.empty()) return {};
    auto usage = mail.usage();
    return usage ? std::optional(*usage) : std::nullopt;
  }

  /// Adds the mail that tells a user that the quota is nearly used up, if this delivery has crossed
  /// one of the limits.
  void add_warning(store::MailStore& mail, const store::Usage& before,
                   store::DeliveryOutcome& delivered) const {
    auto after = mail.usage();
    auto warnings = QuotaWarning::parse_all(config_.quota_warning);
    if (!warnings) log_warning("local", warnings.error().text());
    bool has_room =
        delivered.redirects.size() + delivered.replies.size() < store::delivery_actions_max;
    if (!after || !warnings || !has_room) return;
    auto warning = quota_warning(config_, *warnings, account().name, before, *after);
    if (warning) delivered.replies.push_back(*std::move(warning));
  }

  /// The outcome with the filter's redirects and replies. If no copy was stored, the redirects
  /// replace the recipient.
  Outcome with_additions(store::DeliveryOutcome delivered) {
    auto redirects = std::move(delivered.redirects);
    auto replies = std::move(delivered.replies);
    auto made = outcome(recipient_, std::move(delivered));
    bool is_discarded = made.kind == OutcomeKind::Discarded;
    if (is_discarded && !redirects.empty()) {
      made.kind = OutcomeKind::Expand;
      made.reason = "redirected by filter";
    } else if (is_discarded && !replies.empty()) {
      bool is_sent_on = std::ranges::any_of(replies, &store::AutomaticReply::is_redirect);
      made.reason = is_sent_on ? "redirected by filter" : "answered by filter";
    }
    for (const auto& text : redirects) {
      auto address = MailAddress::parse(text, Utf8::Allowed);
      Recipient child;
      child.address = address ? address->text() : text;
      made.children.push_back(std::move(child));
    }
    made.replies = std::move(replies);
    return made;
  }

  Outcome to_command(const std::string& command) {
    CommandRun run;
    run.command = command.starts_with('|') ? command.substr(1) : command;
    run.time_limit = std::chrono::ceil<std::chrono::seconds>(config_.command_time_limit);
    run.directory = account().home.empty() ? config_.queue_directory : account().home;
    if (!config_.command_execution_directory.empty()) {
      UserNames names = names_;
      names.extension = harmless_text(names.extension);
      auto directory = expand_user_text(config_.command_execution_directory, names);
      if (directory) run.directory = *std::move(directory);
      run.is_directory_required = true;
    }
    const auto& envelope = attempt_.envelope;
    run.environment = {
        {"PATH", std::string(program_path)},
        {"SHELL", "/bin/sh"},
        {"HOME", account().home},
        {"USER", account().name},
        {"LOGNAME", account().name},
        {"LOCAL", harmless_text(names_.local)},
        {"EXTENSION", harmless_text(names_.extension)},
        {"DOMAIN", harmless_text(names_.domain)},
        {"RECIPIENT", harmless_text(recipient_.served_address())},
        {"ORIGINAL_RECIPIENT", harmless_text(recipient_.original)},
        {"SENDER", harmless_text(sender_of(attempt_, recipient_))},
        {"CLIENT_ADDRESS", harmless_text(envelope.client_address)},
        {"CLIENT_HELO", harmless_text(envelope.helo)},
        {"CLIENT_HOSTNAME", harmless_text(envelope.client_name)},
        {"CLIENT_PROTOCOL", harmless_text(envelope.protocol)},
        {"SASL_METHOD", harmless_text(envelope.sasl_method)},
        {"SASL_USERNAME", harmless_text(envelope.sasl_username)},
    };
    const auto& sender = sender_of(attempt_, recipient_);
    run.head = "From " + (sender.empty() ? "MAILER-DAEMON" : sender) + "  " +
               format_ctime(local_date(envelope.arrival / 1'000'000)) + "\nReturn-Path: <" +
               sender + ">\n";
    if (!recipient_.original.empty()) run.head += "X-Original-To: " + recipient_.original + "\n";
    run.head += "Delivered-To: " + recipient_.served_address() + "\n";
    return outcome(recipient_, run_command(run, pieces_));
  }

  const Config& config_;
  const Attempt& attempt_;
  const Recipient& recipient_;
  store::Pieces pieces_;
  store::DeliveryFilter& filter_;
  std::vector<std::string>* folders_;
  UserNames names_;
};

}  // namespace

Outcome deliver_locally(const Config& config, const Attempt& attempt, const Recipient& recipient,
                        int body, store::DeliveryFilter& filter,
                        std::vector<std::string>* folders) {
  auto began = Clock::system().now();
  auto pieces = message_pieces(attempt, body);
  if (!pieces) return outcome(recipient, pieces.error());
  LocalDelivery delivery(config, attempt, recipient, *std::move(pieces), filter, folders);
  auto made = delivery.run();
  if (attempt.route.name == "virtual") made.relay = attempt.route.name;
  made.transmitted_microseconds = (Clock::system().now() - began).count();
  return made;
}

}  // namespace pennypost::smtp
