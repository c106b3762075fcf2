#include "store/filtering/stored_filter.h"

#include <algorithm>

#include "common/base/text.h"
#include "common/mail/address_list.h"
#include "common/mail/header.h"
#include "store/filtering/host_programs.h"
#include "store/filtering/scripts_of.h"
#include "store/sieve/interpreter.h"

namespace pennypost::store {
namespace {

std::string address_in(const std::string& text, std::initializer_list<std::string_view> names) {
  HeaderFields fields(text);
  for (auto name : names) {
    auto value = fields.value(name);
    if (!value) continue;
    for (const auto& listed : parse_address_list(*value)) {
      if (auto address = listed.address()) return address->text();
    }
  }
  return "";
}

/// The envelope is what the delivery has written of it.
Delivery delivery_of(const std::string& text, std::int64_t date) {
  Delivery delivery;
  delivery.return_path = address_in(text, {"Return-Path", "From"});
  delivery.delivered_to = address_in(text, {"Delivered-To", "To"});
  delivery.original_to = address_in(text, {"X-Original-To", "Delivered-To", "To"});
  delivery.arrival_seconds = date;
  return delivery;
}

bool are_same(std::vector<std::string> some, std::vector<std::string> others) {
  std::ranges::sort(some);
  std::ranges::sort(others);
  return some == others;
}

}  // namespace

/// A message while its script is run, and what the script may ask of the host.
struct StoredFilter::Reading {
  std::string text;
  StoredOccasion occasion;
  Delivery delivery;
  std::optional<SieveMemory> memory;
  std::optional<HostEnvironment> environment;
  MailboxName mailbox = MailboxName::inbox();

  std::shared_ptr<const std::string> changed(const sieve::MessageForm& form) const {
    return form ? std::make_shared<const std::string>(edited(text, *form)) : nullptr;
  }
};

Result<StoredFilter::Plan> StoredFilter::decide(Mailbox& mailbox, Uid uid) {
  Reading reading;
  TRY(auto reader, mailbox.open(uid));
  TRY(reading.text, reader.all(filtered_message_octets_max));
  TRY(auto date, mailbox.internal_date(uid));
  reading.delivery = delivery_of(reading.text, date);
  reading.mailbox = mailbox.name();
  reading.occasion.items = options_.items;
  if (const auto* original = mailbox.find(uid)) {
    reading.occasion.flags = flag_names(original->flags, mailbox.keyword_names(original->keywords));
  }
  TRY(auto location, MailLocation::parse(account_.mail_location, {account_.name, account_.home}));
  auto by = "stored." + mailbox.id() + "." + std::to_string(uid.value());
  reading.memory.emplace(memory_path(location), std::move(by), Clock::system().now_seconds());
  MessageOrigin origin;
  HostEnvironment::Parts parts{config_, account_,        origin,       place_,
                               mail_,   Clock::system(), options_.use, &reading.occasion};
  auto& environment = reading.environment.emplace(parts, reading.delivery, *reading.memory);
  std::string_view text = reading.text;
  environment.begin(text.substr(0, header_bytes(text)));
  auto outcome = sieve::run_script(script_, text, environment, run_limits(config_));
  if (environment.failure()) return *environment.failure();
  Plan plan;
  auto planned = outcome.failure ? Result<void>(Error::permanent(outcome.failure->shown()))
                                 : plan_for(outcome, reading, plan);
  if (!planned) {
    if (planned.error().is_temporary()) return planned.error();
    plan = Plan();
    plan.failure = planned.error().text();
    plan.keep = NamedFlags();
    return plan;
  }
  if (options_.is_live) {
    TRY_DO(reading.memory->remember(outcome.remembered));
  }
  return plan;
}

/// Error: what makes the script fail.
Result<void> StoredFilter::plan_for(const sieve::Outcome& outcome, Reading& reading, Plan& plan) {
  TRY(bool is_taken, pipe(outcome, reading, plan));
  for (const auto& action : outcome.actions) {
    if (const auto* copy = std::get_if<sieve::FileInto>(&action)) {
      TRY_DO(add_copy(*copy, reading, plan));
    } else {
      add_mail(action, reading, plan);
    }
  }
  if (outcome.kept_unless_piped && !is_taken) {
    TRY_DO(add_copy(*outcome.kept_unless_piped, reading, plan));
  }
  // Who would have been sent something else has the mail no more than here.
  bool is_gone = plan.copies.empty() && !plan.keep;
  bool is_careful = plan.would_send || (!options_.removes_discarded && plan.programs.empty());
  bool stays = plan.is_refused || (!options_.is_live && is_careful);
  if (is_gone && stays) plan.keep = named_flags(reading.occasion.flags);
  return {};
}

/// RFC 6785 section 3.1: of an event's message, changes are not kept.
Result<void> StoredFilter::add_copy(const sieve::FileInto& copy, Reading& reading, Plan& plan) {
  auto text = reading.changed(copy.form);
  if (copy.is_keep && options_.use == ScriptUse::ImapEvent) text = nullptr;
  auto target = copy.mailbox;
  if (auto special = copy.special_use.empty()
                         ? std::nullopt
                         : reading.environment->mailbox_of_use(copy.special_use)) {
    target = *special;
  }
  auto name = copy.is_keep ? Result<MailboxName>(reading.mailbox) : mail_.parse_name(target);
  if (!name) return Error::permanent(name.error().text());
  bool is_here = *name == reading.mailbox && !text;
  bool is_original = is_here && (copy.is_keep || !options_.is_live);
  if (is_original) {
    plan.keep = named_flags(copy.flags);
    plan.sets_flags = !are_same(copy.flags, reading.occasion.flags);
  } else {
    plan.copies.push_back({*std::move(name), named_flags(copy.flags), std::move(text)});
  }
  return {};
}

/// As SieveFilter::pipe().
Result<bool> StoredFilter::pipe(const sieve::Outcome& outcome, Reading& reading, Plan& plan) const {
  bool is_taken = false;
  for (const auto& action : outcome.actions) {
    const auto* pipe = std::get_if<sieve::Pipe>(&action);
    if (pipe == nullptr) continue;
    auto changed = reading.changed(pipe->form);
    auto given = options_.is_dry ? Result<void>()
                                 : give_to_program(*reading.environment, *pipe,
                                                   changed ? *changed : reading.text);
    if (!given && !pipe->may_fail) return given.error();
    if (!given) continue;
    plan.programs.push_back(pipe->program);
    is_taken = is_taken || pipe->cancels_keep;
  }
  return is_taken;
}

/// RFC 6785 section 3.4: the sender is the mailbox's owner.
void StoredFilter::add_mail(const sieve::Action& action, Reading& reading, Plan& plan) const {
  plan.is_refused = plan.is_refused || std::holds_alternative<sieve::Reject>(action);
  const auto* redirect = std::get_if<sieve::Redirect>(&action);
  const auto* message = std::get_if<sieve::SendMessage>(&action);
  bool is_mail = redirect != nullptr || message != nullptr;
  if (!is_mail && !plan.is_refused) return;
  bool is_sent = options_.is_live && is_mail && !(message != nullptr && message->is_vacation);
  if (!is_sent) {
    plan.would_send = true;
    return;
  }
  auto owner = reading.environment->owner_addresses().front();
  SubmittedMail mail;
  if (redirect != nullptr) {
    auto changed = reading.changed(redirect->form);
    mail = {owner, redirect->address, changed ? *changed : reading.text};
  } else {
    mail = {message->is_from_owner ? owner : "", message->recipient, message->text};
  }
  plan.mails.push_back(std::move(mail));
}

Result<void> StoredFilter::copy(const Plan::Copy& copy, Mailbox& mailbox, Uid uid) {
  NewMessage message;
  std::string original;
  if (!copy.text) {
    TRY(auto reader, mailbox.open(uid));
    TRY(original, reader.all(filtered_message_octets_max));
  }
  message.body = {std::string_view(copy.text ? *copy.text : original)};
  message.flags = copy.flags.flags;
  message.keywords = copy.flags.keywords;
  TRY(message.internal_date, mailbox.internal_date(uid));
  auto added = mail_.append(copy.mailbox, std::span(&message, 1));
  if (!added && added.error().response_code() == ResponseCode::NonExistent) {
    TRY_DO(mail_.create(copy.mailbox));
    added = mail_.append(copy.mailbox, std::span(&message, 1));
  }
  return added ? Result<void>() : Result<void>(std::move(added).error());
}

Result<void> StoredFilter::finish_original(Mailbox& mailbox, Uid uid, const Plan& plan) {
  if (!plan.keep && !options_.is_live) {
    TRY_DO(mailbox.expunge(std::span(&uid, 1)));
    return {};
  }
  if (plan.keep && !plan.sets_flags) return {};
  FlagChange change;
  if (plan.keep) {
    change.mode = FlagChange::Mode::Replace;
    change.flags = plan.keep->flags;
    change.keywords = plan.keep->keywords;
  } else {
    change.flags = Flags::Deleted;
  }
  TRY(auto stored, mailbox.store(std::span(&uid, 1), change));
  return stored.failure ? Result<void>(*stored.failure) : Result<void>();
}

Result<StoredFilter::Told> StoredFilter::carry_out(Mailbox& mailbox, Uid uid, Plan& plan) {
  if (!plan.failure.empty()) return "left as it is: " + plan.failure;
  if (!options_.is_dry) {
    while (plan.copied < plan.copies.size()) {
      TRY_DO(copy(plan.copies[plan.copied], mailbox, uid));
      ++plan.copied;
    }
    while (plan.sent < plan.mails.size()) {
      TRY_DO(submit_mail(config_, account_, plan.mails[plan.sent]));
      ++plan.sent;
    }
    TRY_DO(finish_original(mailbox, uid, plan));
  }
  std::vector<std::string> told;
  for (std::size_t i = 0; i < plan.copies.size(); ++i) {
    bool is_moved = !plan.keep && i == 0;
    told.push_back((is_moved ? "moved to " : "copied to ") + plan.copies[i].mailbox.text());
  }
  for (const auto& program : plan.programs) told.push_back("piped to " + program);
  if (plan.keep) told.emplace_back(plan.sets_flags ? "flagged" : "kept");
  if (!plan.keep && plan.copies.empty()) told.emplace_back("removed");
  if (plan.would_send) told.emplace_back(plan.is_refused ? "not refused" : "nothing sent");
  return join(told, ", ");
}

Result<StoredFilter::Told> StoredFilter::apply(Mailbox& mailbox, Uid uid) {
  TRY(auto plan, decide(mailbox, uid));
  return carry_out(mailbox, uid, plan);
}

}  // namespace pennypost::store
