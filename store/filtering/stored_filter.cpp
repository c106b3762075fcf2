#include "store/filtering/stored_filter.h"

#include <algorithm>

#include "common/base/text.h"
#include "common/mail/address_list.h"
#include "common/mail/header.h"
#include "store/filtering/flag_names.h"
#include "store/filtering/scripts_of.h"
#include "store/sieve/interpreter.h"

namespace pennypost::store {

/// What is to be done with one message.
struct StoredFilter::Plan {
  struct Copy {
    MailboxName mailbox;
    NamedFlags flags;
    sieve::MessageForm form;
  };
  std::vector<Copy> copies;        // in other mailboxes, or here if the message is changed
  std::optional<NamedFlags> keep;  // the original stays, with these flags as well
  bool sends = false;              // it would have sent mail
  bool is_refused = false;
};

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

}  // namespace

/// The envelope is what the delivery has written of it.
Result<sieve::Outcome> StoredFilter::outcome_for(const std::string& text, std::int64_t date) {
  Delivery delivery;
  delivery.return_path = address_in(text, {"Return-Path", "From"});
  delivery.delivered_to = address_in(text, {"Delivered-To", "To"});
  delivery.original_to = address_in(text, {"X-Original-To", "Delivered-To", "To"});
  delivery.arrival_seconds = date;
  LocationUser user;
  user.name = account_.name;
  user.home = account_.home;
  TRY(auto location, MailLocation::parse(account_.mail_location, user));
  SieveMemory memory(memory_path(location), "stored", Clock::system().now_seconds());
  MessageOrigin origin;
  HostEnvironment environment({config_, account_, origin, place_, mail_}, delivery, memory);
  environment.begin(std::string_view(text).substr(0, header_bytes(text)));
  auto outcome = sieve::run_script(script_, text, environment, run_limits(config_));
  if (environment.failure()) return *environment.failure();
  for (auto& action : outcome.actions) {
    auto* copy = std::get_if<sieve::FileInto>(&action);
    if (copy == nullptr || copy->special_use.empty()) continue;
    if (auto special = environment.mailbox_of_use(copy->special_use)) copy->mailbox = *special;
  }
  return outcome;
}

Result<StoredFilter::Told> StoredFilter::apply(Mailbox& mailbox, Uid uid) {
  TRY(auto reader, mailbox.open(uid));
  TRY(auto text, reader.all(filtered_message_octets_max));
  TRY(auto date, mailbox.internal_date(uid));
  TRY(auto outcome, outcome_for(text, date));
  if (outcome.failure) return "left as it is: " + outcome.failure->shown();
  Plan plan;
  for (const auto& action : outcome.actions) {
    const auto* copy = std::get_if<sieve::FileInto>(&action);
    plan.sends = plan.sends || copy == nullptr;
    plan.is_refused = plan.is_refused || std::holds_alternative<sieve::Reject>(action);
    if (copy == nullptr) continue;
    auto flags = named_flags(copy->flags);
    if (copy->is_keep && !copy->form) {
      plan.keep = std::move(flags);
      continue;
    }
    auto name =
        copy->is_keep ? Result<MailboxName>(mailbox.name()) : mail_.parse_name(copy->mailbox);
    if (!name) return "left as it is: " + name.error().text();
    if (*name == mailbox.name() && !copy->form) {
      plan.keep = std::move(flags);
    } else {
      plan.copies.push_back({*std::move(name), std::move(flags), copy->form});
    }
  }
  // Who would have been sent something else has the mail no more than here.
  bool is_gone = plan.copies.empty() && !plan.keep;
  if (is_gone && (plan.sends || !options_.removes_discarded)) plan.keep = NamedFlags();
  return carry_out(mailbox, uid, text, plan);
}

Result<void> StoredFilter::append(const Plan& plan, std::size_t index, Mailbox& mailbox, Uid uid,
                                  const std::string& text) {
  const auto& copy = plan.copies[index];
  auto changed = copy.form ? edited(text, *copy.form) : std::string();
  const auto* original = mailbox.find(uid);
  NewMessage message;
  message.body = {std::string_view(copy.form ? changed : text)};
  message.flags = copy.flags.flags;
  message.keywords = copy.flags.keywords;
  if (original != nullptr) {
    message.flags = message.flags | original->flags;
    for (auto& word : mailbox.keyword_names(original->keywords)) message.keywords.push_back(word);
  }
  TRY(message.internal_date, mailbox.internal_date(uid));
  auto added = mail_.append(copy.mailbox, std::span(&message, 1));
  if (!added && added.error().response_code() == ResponseCode::NonExistent) {
    TRY_DO(mail_.create(copy.mailbox));
    added = mail_.append(copy.mailbox, std::span(&message, 1));
  }
  return added ? Result<void>() : Result<void>(std::move(added).error());
}

Result<StoredFilter::Told> StoredFilter::carry_out(Mailbox& mailbox, Uid uid,
                                                   const std::string& text, const Plan& plan) {
  std::vector<std::string> told;
  for (std::size_t i = 0; i < plan.copies.size(); ++i) {
    if (!options_.is_dry) {
      TRY_DO(append(plan, i, mailbox, uid, text));
    }
    bool is_moved = !plan.keep && i == 0;
    told.push_back((is_moved ? "moved to " : "copied to ") + plan.copies[i].mailbox.text());
  }
  if (plan.keep) {
    bool has_flags = !plan.keep->flags.empty() || !plan.keep->keywords.empty();
    if (has_flags && !options_.is_dry) {
      FlagChange change;
      change.flags = plan.keep->flags;
      change.keywords = plan.keep->keywords;
      TRY_DO(mailbox.store(std::span(&uid, 1), change));
    }
    told.push_back(has_flags ? "flagged" : "kept");
  } else if (!options_.is_dry) {
    TRY_DO(mailbox.expunge(std::span(&uid, 1)));
  }
  if (!plan.keep && plan.copies.empty()) told.push_back("removed");
  if (plan.sends) told.push_back(plan.is_refused ? "not refused" : "nothing sent");
  return join(told, ", ");
}

}  // namespace pennypost::store
