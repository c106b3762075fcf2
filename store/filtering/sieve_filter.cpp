#include "store/filtering/sieve_filter.h"

#include <algorithm>

#include "common/base/text.h"
#include "common/mail/header.h"
#include "store/filtering/failure_notice.h"
#include "store/filtering/flag_names.h"
#include "store/filtering/host_programs.h"
#include "store/filtering/script_cache.h"
#include "store/sieve/interpreter.h"
#include "store/sieve/text_needed.h"
#include "store/stores/store_settings.h"
#include "store/stores/stores.h"

namespace pennypost::store {
namespace {

constexpr std::uint64_t notice_seconds = 86'400;
constexpr std::uint64_t pipe_note_seconds = 30 * 86'400;  // longer than mail stays in the queue
constexpr std::size_t refusal_bytes_max = 1000;

/// The built-in script, compiled.
std::shared_ptr<const sieve::Script> compiled_spam_script(const std::string& junk_mailbox) {
  static std::mutex mutex;
  static std::map<std::string, std::shared_ptr<const sieve::Script>> by_mailbox;
  std::lock_guard lock(mutex);
  auto& script = by_mailbox[junk_mailbox];
  if (!script) script = sieve::compile(spam_script(junk_mailbox)).script;
  return script;
}

/// For a report and a log line: one line, cut.
std::string refusal_text(std::string_view reason) {
  std::string text;
  for (char c : reason.substr(0, refusal_bytes_max)) {
    bool is_blank = is_control(c) || c == ' ';
    if (!is_blank) text += c;
    if (is_blank && !text.empty() && !text.ends_with(' ')) text += ' ';
  }
  if (text.ends_with(' ')) text.pop_back();
  return text.empty() ? "refused by the recipient" : text;
}

}  // namespace

/// The state of one choice.
struct SieveFilter::Work {
  Work(const Delivery& the_delivery, std::unique_ptr<MailStore> the_mail)
      : delivery(the_delivery), mail(std::move(the_mail)), text(the_delivery.body) {}

  const Delivery& delivery;
  std::unique_ptr<MailStore> mail;
  MessageText text;
  std::optional<HostEnvironment> environment;
  DeliveryChoice choice;
  std::optional<sieve::FileInto> keep{sieve::FileInto()};  // what the scripts so far leave to do
  std::shared_ptr<const std::string> changed;  // the message as the scripts so far have made it
  std::map<sieve::MessageForm, std::shared_ptr<const std::string>> forms;  // of the last script
};

SieveFilter::SieveFilter(const Config& config, AccountRef account, MessageOrigin origin,
                         const Clock& clock)
    : config_(config), account_(std::move(account)), origin_(std::move(origin)), clock_(clock) {}

DeliveryChoice SieveFilter::choose(const Delivery& delivery) {
  remembered_.clear();
  programs_.clear();
  auto made = chosen(delivery);
  if (made) return *std::move(made);
  DeliveryChoice later;
  later.deferral = made.error();
  return later;
}

Result<void> SieveFilter::remember() {
  return memory_ ? memory_->remember(remembered_) : Result<void>();
}

Result<DeliveryChoice> SieveFilter::chosen(const Delivery& delivery) {
  TRY(auto place, script_place(config_, account_));
  TRY(auto steps, script_steps(config_, place));
  if (steps.empty()) return DeliveryChoice::keep();
  LocationUser user;
  user.name = account_.name;
  user.home = account_.home;
  TRY(auto location, MailLocation::parse(account_.mail_location, user));
  auto by = delivery.queue_id + "." + std::to_string(delivery.recipient_number);
  memory_.emplace(memory_path(location), std::move(by), clock_.now_seconds());
  Work work(delivery, open_store(std::move(location), store_settings(config_, account_)));
  HostEnvironment::Parts parts{config_, account_, origin_, place, *work.mail, clock_};
  work.environment.emplace(parts, delivery, *memory_);
  for (const auto& step : steps) {
    TRY(auto next, run(step, work));
    if (next == Next::Stop) break;
  }
  if (work.keep) {
    work.keep->is_keep = true;
    auto kept = placement_of(*work.keep, {}, work);
    kept.text = work.changed;
    work.choice.placements.push_back(std::move(kept));
  }
  return std::move(work.choice);
}

/// The compiled script; nothing if there is none at that path.
Result<std::optional<sieve::CompiledScript>> SieveFilter::script_of(const ScriptStep& step) const {
  if (step.path != spam_script_name) {
    return ScriptCache::own().at(step.path, config_.sieve_max_script_size,
                                 offered_extensions(config_, ScriptUse::Delivery));
  }
  sieve::CompiledScript compiled;
  compiled.script = compiled_spam_script(config_.junk_mailbox);
  return std::optional(std::move(compiled));
}

Result<SieveFilter::Next> SieveFilter::run(const ScriptStep& step, Work& work) {
  auto found = script_of(step);
  if (!found) {
    if (found.error().is_temporary()) return std::move(found).error();
    return fail(step, found.error().text(), work);
  }
  if (!*found) {
    bool is_hosts = step.owner == ScriptStep::Owner::Host;
    if (is_hosts) work.choice.warnings.push_back("sieve: there is no script " + step.path);
    return Next::GoOn;
  }
  const auto& compiled = **found;
  if (!compiled.script) {
    std::string all;
    for (const auto& mistake : compiled.mistakes) all += mistake.shown() + "\n";
    return fail(step, all, work);
  }
  std::string_view text;
  if (work.changed) {
    text = *work.changed;
  } else if (sieve::needs_header_only(*compiled.script)) {
    TRY(text, work.text.header());
  } else {
    TRY(text, work.text.whole());
  }
  work.environment->begin(text.substr(0, header_bytes(text)));
  auto outcome = sieve::run_script(*compiled.script, text, *work.environment, run_limits(config_));
  if (work.environment->failure()) return *work.environment->failure();
  if (outcome.failure) return fail(step, outcome.failure->shown() + "\n", work);
  auto piped = pipe(step, outcome, text, work);
  if (!piped) {
    if (piped.error().is_temporary()) return std::move(piped).error();
    return fail(step, piped.error().text() + "\n", work);
  }
  if (outcome.kept_unless_piped && !*piped) {
    outcome.actions.emplace_back(*std::move(outcome.kept_unless_piped));
  }
  return carry_over(outcome, text, work);
}

/// Whether a program has taken the message over. Error: what has failed, permanent if it is one of
/// the script's. An attempt that is repeated gives no program a message that it has had.
Result<bool> SieveFilter::pipe(const ScriptStep& step, const sieve::Outcome& outcome,
                               std::string_view text, Work& work) {
  bool is_taken = false;
  for (const auto& action : outcome.actions) {
    const auto* pipe = std::get_if<sieve::Pipe>(&action);
    if (pipe == nullptr) continue;
    sieve::Remembered done{"pipe:" + step.path + ":" + pipe->program, pipe_note_seconds};
    bool had_it = false;
    if (work.delivery.maybe_repeated) {
      TRY(had_it, memory_->has_noted(done.key));
    }
    auto changed = changed_text(pipe->form, text, work);
    auto given = had_it ? Result<void>()
                        : give_to_program(*work.environment, *pipe, changed ? *changed : text);
    if (!given) {
      if (!pipe->may_fail) return given.error();
      work.choice.warnings.push_back("sieve: " + given.error().text());
      continue;
    }
    if (!had_it) {
      auto noted = memory_->note(done);
      if (!noted) work.choice.warnings.push_back("sieve: " + noted.error().text());
    }
    programs_.push_back(pipe->program);
    is_taken = is_taken || pipe->cancels_keep;
  }
  return is_taken;
}

/// RFC 5228 section 2.10.6: the message is kept as it came.
SieveFilter::Next SieveFilter::fail(const ScriptStep& step, const std::string& what, Work& work) {
  auto first_line = what.substr(0, what.find('\n'));
  work.choice.warnings.push_back("sieve: " + step.path + ": " + first_line);
  if (step.owner == ScriptStep::Owner::Host) return Next::GoOn;
  tell_owner(what, work);
  return Next::Stop;
}

void SieveFilter::tell_owner(const std::string& what, Work& work) {
  if (work.delivery.delivered_to.empty()) return;
  sieve::Remembered told{"failure notice", notice_seconds};
  auto was_told = memory_->knows(told.key);
  if (!was_told || *was_told) return;
  work.choice.replies.push_back(failure_notice(config_, work.delivery, what, clock_.now_seconds()));
  remembered_.push_back(std::move(told));
}

/// The script's actions become parts of the choice.
Result<SieveFilter::Next> SieveFilter::carry_over(const sieve::Outcome& outcome,
                                                  std::string_view text, Work& work) {
  auto& choice = work.choice;
  work.forms.clear();
  auto before = std::exchange(work.keep, std::nullopt);
  for (const auto& action : outcome.actions) {
    if (const auto* copy = std::get_if<sieve::FileInto>(&action)) {
      if (copy->is_keep) {
        work.keep = *copy;
      } else {
        choice.placements.push_back(placement_of(*copy, text, work));
      }
    } else if (const auto* redirect = std::get_if<sieve::Redirect>(&action)) {
      if (!redirect->form) {
        choice.redirects.push_back(redirect->address);
        continue;
      }
      AutomaticReply sent;
      sent.recipient = redirect->address;
      sent.text = *changed_text(redirect->form, text, work);
      sent.is_redirect = true;
      choice.replies.push_back(std::move(sent));
    } else if (const auto* reject = std::get_if<sieve::Reject>(&action)) {
      choice.refusal = refusal_text(reject->reason);
    } else if (const auto* message = std::get_if<sieve::SendMessage>(&action)) {
      AutomaticReply reply;
      reply.recipient = message->recipient;
      reply.is_from_owner = message->is_from_owner;
      reply.text = with_message_id(config_, work.delivery, choice.replies.size(), message->text);
      choice.replies.push_back(std::move(reply));
    }
  }
  remembered_.insert(remembered_.end(), outcome.remembered.begin(), outcome.remembered.end());
  if (!work.keep) return Next::Stop;
  work.keep->flags.insert(work.keep->flags.end(), before->flags.begin(), before->flags.end());
  if (work.keep->form) work.changed = changed_text(work.keep->form, text, work);
  return Next::GoOn;
}

Placement SieveFilter::placement_of(const sieve::FileInto& copy, std::string_view text,
                                    Work& work) {
  Placement placement;
  if (!copy.is_keep) placement.folder = copy.mailbox;
  if (!copy.special_use.empty()) {
    auto special = work.environment->mailbox_of_use(copy.special_use);
    if (special) placement.folder = *special;
  }
  auto flags = named_flags(copy.flags);
  placement.flags = flags.flags;
  placement.keywords = std::move(flags.keywords);
  if (!copy.is_keep) placement.text = changed_text(copy.form, text, work);
  return placement;
}

/// The message with the changes of a script that was run over `text`; null: as it came.
std::shared_ptr<const std::string> SieveFilter::changed_text(const sieve::MessageForm& form,
                                                             std::string_view text, Work& work) {
  if (!form) return work.changed;
  auto& made = work.forms[form];
  if (!made) made = std::make_shared<const std::string>(edited(text, *form));
  return made;
}

}  // namespace pennypost::store
