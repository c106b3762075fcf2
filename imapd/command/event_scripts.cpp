#include "imapd/command/event_scripts.h"

#include <algorithm>
#include <array>

#include "common/base/text.h"
#include "common/log/log.h"
#include "imapd/session/context.h"
#include "imapd/session/progress.h"
#include "store/filtering/flag_names.h"
#include "store/filtering/script_cache.h"
#include "store/filtering/scripts_of.h"
#include "store/filtering/stored_filter.h"
#include "store/sharing/sharing.h"

namespace pennypost::imap {
namespace {

using store::MailboxName;
using store::StoredFilter;

constexpr std::string_view script_annotation = "/shared/imapsieve/script";

/// A script that is to be run, by what it is called in the log.
struct EventScript {
  std::string path;
  std::shared_ptr<const store::sieve::Script> script;
};

/// The scripts of one event, and what their runs have in common. Blocks, but for its making.
class EventRun {
 public:
  EventRun(SessionContext& context, const MailEvent& event)
      : context_(context), config_(*context.worker().config), event_(event) {}

  const std::vector<EventScript>& scripts() const { return scripts_; }

  /// Finds the scripts, and opens the mailbox if there are any.
  Result<void> begin() {
    TRY(place_, store::script_place(config_, account()));
    for (const auto& rule : parse_imapsieve_rules(context_.settings().imapsieve_scripts)) {
      if (!rule.is_for(event_.mailbox.text(), event_.cause)) continue;
      TRY_DO(add(rule.script, true));
    }
    if (!context_.settings().imapsieve_url.empty()) {
      TRY_DO(add_own());
    }
    if (scripts_.empty()) return {};
    TRY(mailbox_, context_.store().open(event_.mailbox, store::Access::ReadOnly));
    return {};
  }

  StoredFilter filter_for(const EventScript& script, const EventMessage& message) const {
    StoredFilter::Options options;
    options.is_live = true;
    options.use = store::ScriptUse::ImapEvent;
    auto& items = options.items;
    items["imap.user"] = context_.who().user;
    items["imap.email"] = store::owner_addresses(config_, account()).front();
    items["imap.cause"] = name_of(event_.cause);
    items["imap.mailbox"] = event_.mailbox.text();
    items["imap.changedflags"] = message.changed_flags;
    items["vnd.dovecot.mailbox-to"] = event_.mailbox.text();
    if (!event_.from.empty()) items["vnd.dovecot.mailbox-from"] = event_.from;
    return {config_, account(), context_.store(), place_, *script.script, std::move(options)};
  }
  store::Mailbox& mailbox() { return *mailbox_; }
  bool has_mailbox() const { return mailbox_ != nullptr; }

 private:
  const store::AccountRef& account() const { return *context_.who().account; }

  /// RFC 6785 section 2.3.1: an annotation of the mailbox, even an empty one, takes the place of
  /// the server's; a name that is no script's means none. What another user has written to their
  /// mailbox chooses no script of ours.
  Result<void> add_own() {
    const auto* sharing = context_.store().sharing();
    if (sharing != nullptr && sharing->owner_of(event_.mailbox)) return {};
    std::optional<std::string> name;
    for (const auto& place : {std::optional(event_.mailbox), std::optional<MailboxName>()}) {
      TRY(auto file, context_.store().annotations(place));
      TRY(auto all, file.read());
      auto found = all.find(std::string(script_annotation));
      if (found == all.end()) continue;
      name = found->second;
      break;
    }
    bool is_script = name && place_ && !place_->directory.empty() &&
                     store::sieve::check_script_name(*name).has_value();
    return is_script ? add(place_->directory + "/" + *name + ".sieve", false) : Result<void>();
  }

  Result<void> add(const std::string& path, bool is_hosts) {
    auto offered = store::offered_extensions(config_, store::ScriptUse::ImapEvent);
    auto found = store::ScriptCache::own().at(path, config_.sieve_max_script_size, offered);
    if (!found) return std::move(found).error();
    if (!*found) {
      if (is_hosts) log_warning("imap", "imapsieve: there is no script " + path);
      return {};
    }
    if ((*found)->script) {
      scripts_.push_back({path, (*found)->script});
    } else {
      log_warning("imap", "user=<" + context_.who().user + ">: imapsieve: " + path + ":" +
                              (*found)->mistakes.front().shown());
    }
    return {};
  }

  SessionContext& context_;
  const Config& config_;
  const MailEvent& event_;
  std::optional<store::sieve::ScriptPlace> place_;
  std::vector<EventScript> scripts_;
  std::unique_ptr<store::Mailbox> mailbox_;
};

void log_failure(const SessionContext& context, const std::string& where, const std::string& why) {
  log_warning("imap",
              "user=<" + context.who().user + ">: imapsieve: " + where + ": " + printable(why));
}

/// Whether the message is kept, so that the next script is run.
Task<bool> run_script(SessionContext& context, EventRun& run, const EventScript& script,
                      const EventMessage& message) {
  auto filter = run.filter_for(script, message);
  auto decide = [&] { return filter.decide(run.mailbox(), message.uid); };
  auto decided = co_await context.heavy_lane().offload([&] { return decide(); });
  if (!decided) {
    if (!store::is_expunged(decided.error())) {
      log_failure(context, script.path, decided.error().text());
    }
    co_return false;
  }
  if (!decided->failure.empty()) log_failure(context, script.path, decided->failure);
  auto carrying_out = context.retry_while_locked(
      context.heavy_lane(), [&] { return filter.carry_out(run.mailbox(), message.uid, *decided); });
  auto done = co_await std::move(carrying_out);
  if (!done) log_failure(context, script.path, done.error().text());
  co_return decided->keeps();
}

Task<bool> run_all(SessionContext& context, EventRun& run, const MailEvent& event) {
  auto beginning = context.retry_while_locked([&] { return run.begin(); });
  auto begun = co_await std::move(beginning);
  if (!begun) {
    log_failure(context, event.mailbox.text(), begun.error().text());
    co_return false;
  }
  if (!run.has_mailbox()) co_return false;
  for (const auto& message : event.messages) {
    for (const auto& script : run.scripts()) {
      auto running = run_script(context, run, script, message);
      bool is_kept = co_await std::move(running);
      if (!is_kept) break;
    }
  }
  co_return true;
}

std::string changes_between(std::vector<std::string> before, std::vector<std::string> after) {
  std::ranges::sort(before);
  std::ranges::sort(after);
  std::vector<std::string> changed;
  std::ranges::set_symmetric_difference(before, after, std::back_inserter(changed));
  return join(changed, " ");
}

std::vector<std::string> flags_in(const store::Mailbox& mailbox, store::Uid uid) {
  const auto* message = mailbox.find(uid);
  if (message == nullptr) return {};
  return store::flag_names(message->flags, mailbox.keyword_names(message->keywords));
}

}  // namespace

bool runs_programs(const Config& config) {
  const auto& settings = config.at(Service::Imap);
  bool has_programs = !config.sieve_pipe_bin_dir.empty() || !config.sieve_filter_bin_dir.empty() ||
                      !config.sieve_execute_bin_dir.empty();
  bool has_events = !settings.imapsieve_scripts.empty() || !settings.imapsieve_url.empty();
  return has_programs || has_events || !config.fts_decoder.empty();
}

bool may_run_scripts(const SessionContext& context, ImapCause cause) {
  const auto& settings = context.settings();
  if (!settings.imapsieve_url.empty()) return true;
  if (settings.imapsieve_scripts.empty()) return false;
  auto rules = parse_imapsieve_rules(settings.imapsieve_scripts);
  return std::ranges::any_of(rules, [&](const ImapsieveRule& rule) {
    return rule.causes.empty() || std::ranges::find(rule.causes, cause) != rule.causes.end();
  });
}

Task<> run_event_scripts(SessionContext& context, MailEvent event) {
  if (event.messages.empty() || !may_run_scripts(context, event.cause)) co_return;
  EventRun run(context, event);
  auto running = run_all(context, run, event);
  auto waiting = with_signs_of_life(context, "Scripts are still run.", std::move(running));
  co_await std::move(waiting);
}

FlagsBefore::FlagsBefore(const SessionContext& context, store::Mailbox& mailbox,
                         const std::vector<store::Uid>& uids) {
  if (!may_run_scripts(context, ImapCause::Flag)) return;
  for (auto uid : uids) flags_.emplace_back(uid, flags_in(mailbox, uid));
}

MailEvent FlagsBefore::event(store::Mailbox& mailbox) const {
  MailEvent event;
  event.cause = ImapCause::Flag;
  event.mailbox = mailbox.name();
  for (const auto& [uid, before] : flags_) {
    auto changed = changes_between(before, flags_in(mailbox, uid));
    bool is_gone = mailbox.find(uid) == nullptr;
    if (!changed.empty() && !is_gone) event.messages.push_back({uid, std::move(changed)});
  }
  return event;
}

}  // namespace pennypost::imap
