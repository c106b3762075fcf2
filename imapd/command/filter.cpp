// FILTER and UID FILTER: run Sieve scripts over messages of the selected mailbox.
//
// The mailbox is opened once more for it, so that what a script changes is told as another
// session's changes are, at the command's end.
//
// STANDARDS  draft-bosch-imap-filter-sieve
// SEE ALSO   ../../store/filtering/stored_filter.h (what a script may do), event_scripts.h
#include "imapd/grammar/filter.h"

#include "common/base/client_words.h"
#include "common/base/text.h"
#include "common/log/log.h"
#include "imapd/command/event_scripts.h"
#include "imapd/command/find.h"
#include "imapd/command/handlers.h"
#include "imapd/command/shared.h"
#include "imapd/response/strings.h"
#include "imapd/session/context.h"
#include "store/filtering/script_cache.h"
#include "store/filtering/scripts_of.h"
#include "store/filtering/stored_filter.h"
#include "store/sieve/checker.h"

namespace pennypost::imap {
namespace {

using store::StoredFilter;
using Kind = FilterRequest::Kind;

constexpr std::size_t mistakes_told_max = 20;
constexpr const char* no_programs =
    "The script sends mail, for which imapd would need the program sendmail, and it may run none "
    "here: the administrator can set imapsieve_url, imapsieve_scripts or sieve_pipe_bin_dir.";

/// The scripts of a command, in the order in which they are run, and their owner's place.
struct FilterScripts {
  std::vector<std::shared_ptr<const store::sieve::Script>> scripts;
  std::string mistakes;  // a line each; then there are no scripts
  std::optional<store::sieve::ScriptPlace> place;

  void take(const store::sieve::CompiledScript& compiled) {
    if (compiled.script) {
      scripts.push_back(compiled.script);
      return;
    }
    for (std::size_t i = 0; i < compiled.mistakes.size() && i < mistakes_told_max; ++i) {
      mistakes += printable(compiled.mistakes[i].shown(), 500) + "\r\n";
    }
  }
};

Error no_such_script(const std::string& name) {
  return Error(550, ResponseCode::NonExistent, "There is no script " + printable(name, 200));
}

/// Those that are run for new mail.
Result<void> take_delivery_scripts(const Config& config, const store::sieve::Extensions& offered,
                                   FilterScripts& out) {
  TRY(auto steps, store::script_steps(config, out.place));
  for (const auto& step : steps) {
    if (step.path == store::spam_script_name) {
      out.take(store::sieve::compile(store::spam_script(config.junk_mailbox)));
      continue;
    }
    TRY(auto found, store::ScriptCache::own().at(step.path, config.sieve_max_script_size, offered));
    if (found) out.take(*found);
  }
  return {};
}

Result<void> take_named_script(const Config& config, const store::sieve::Extensions& offered,
                               const FilterRequest& request, FilterScripts& out) {
  TRY_DO(store::sieve::check_script_name(request.text));
  auto directory = request.kind == Kind::Global ? config.sieve_global
                   : out.place                  ? out.place->directory
                                                : std::string();
  if (directory.empty()) return no_such_script(request.text);
  auto path = directory + "/" + request.text + ".sieve";
  TRY(auto found, store::ScriptCache::own().at(path, config.sieve_max_script_size, offered));
  if (!found) return no_such_script(request.text);
  out.take(*found);
  return {};
}

/// Blocks.
Result<FilterScripts> scripts_for(const SessionContext& context, const FilterRequest& request) {
  const auto& config = *context.worker().config;
  auto offered = store::offered_extensions(config, store::ScriptUse::Stored);
  FilterScripts found;
  TRY(found.place, store::script_place(config, *context.who().account));
  if (request.kind == Kind::Script) {
    found.take(store::sieve::compile(request.text, offered));
  } else if (request.kind == Kind::Delivery) {
    TRY_DO(take_delivery_scripts(config, offered, found));
  } else {
    TRY_DO(take_named_script(config, offered, request, found));
  }
  return found;
}

/// ` (TAG "a1")`
std::string correlator(const CommandHead& command) {
  std::string text = " (TAG ";
  append_string(text, command.tag);
  return text + ")";
}

std::string problem_line(const CommandHead& command, const std::string& problem) {
  std::string line = "* FILTER" + correlator(command) + " ERRORS ";
  append_string(line, problem);
  return line + "\r\n";
}

std::string filtered_line(const CommandHead& command, std::uint32_t number, store::Uid uid,
                          const std::string& problem) {
  std::string line = "* " + std::to_string(number) + " FILTERED" + correlator(command);
  if (command.is_uid()) line += " UID " + std::to_string(uid.value());
  line += problem.empty() ? " OK" : " ERRORS ";
  if (!problem.empty()) append_string(line, problem);
  return line + "\r\n";
}

struct Filtered {
  bool is_changed = false;
  std::string problem;
};

/// Runs the scripts over one message; each only if those before it keep the message.
Task<Filtered> filter_one(SessionContext& context, store::Mailbox& mailbox, store::Uid uid,
                          const FilterScripts& scripts) {
  Filtered result;
  for (const auto& script : scripts.scripts) {
    StoredFilter::Options options;
    options.is_live = true;
    StoredFilter filter(*context.worker().config, *context.who().account, context.store(),
                        scripts.place, *script, std::move(options));
    auto decided =
        co_await context.heavy_lane().offload([&] { return filter.decide(mailbox, uid); });
    if (!decided) {
      bool is_gone = store::is_expunged(decided.error());
      if (!is_gone) result.problem = client_words(decided.error());
      break;
    }
    result.problem = printable(decided->failure, 500);
    if (!decided->mails.empty() && !runs_programs(*context.worker().config)) {
      result.problem = no_programs;
      break;
    }
    auto carrying_out = context.retry_while_locked(
        context.heavy_lane(), [&] { return filter.carry_out(mailbox, uid, *decided); });
    auto done = co_await std::move(carrying_out);
    if (!done) {
      result.problem = client_words(done.error());
      log_warning("imap", context.who().user + ": FILTER: " + done.error().text());
    }
    result.is_changed = result.is_changed || (done && decided->changes());
    if (!done || !decided->keeps() || !result.problem.empty()) break;
  }
  co_return result;
}

Task<Result<void>> filter_all(SessionContext& context, const CommandHead& command,
                              const std::vector<std::uint32_t>& numbers,
                              const FilterScripts& scripts) {
  auto& selected = *context.selected();
  auto open = [&] {
    return context.store().open(selected.mailbox().name(), store::Access::ReadOnly);
  };
  auto opening = context.retry_while_locked([&] { return open(); });
  CO_TRY(auto mailbox, co_await std::move(opening));
  std::uint64_t done = 0;
  for (auto number : numbers) {
    auto uid = selected.uid_of(number);
    auto filtering = filter_one(context, *mailbox, uid, scripts);
    auto filtered = co_await std::move(filtering);
    if (filtered.is_changed || !filtered.problem.empty()) {
      context.put(filtered_line(command, number, uid, filtered.problem));
      co_await context.send_if_much();
    }
    auto telling = context.give_sign_of_life("Messages are filtered.", ++done, numbers.size());
    co_await std::move(telling);
    co_await context.look_for_client();
  }
  co_return Result<void>();
}

}  // namespace

Task<Reply> filter(SessionContext& context, const CommandHead& command) {
  CO_TRY(auto request, parse_filter(command.arguments, context.limits()));
  if (context.worker().config->sieve.empty()) {
    co_return Reply::no(ResponseCode::NoPerm, "Users have no scripts here.");
  }
  // What FILTERED tells has a number in any case.
  if (context.reporting().uid_only) {
    co_return Reply::no(ResponseCode::Cannot, "FILTER can't be answered after ENABLE UIDONLY.");
  }
  if (!context.may_change()) co_return read_only();
  bool is_utf8 = context.name_form() == NameForm::Utf8;
  if (is_utf8 && !request.search.names_charset) request.search.charset = "UTF-8";
  CO_TRY(auto scripts,
         co_await context.light_lane().offload([&] { return scripts_for(context, request); }));
  if (!scripts.mistakes.empty()) {
    context.put(problem_line(command, scripts.mistakes));
    co_return Reply::no(ResponseCode::None, "The Sieve script has mistakes.");
  }
  auto finding = find_messages(context, request.search);
  CO_TRY(auto numbers, co_await std::move(finding));
  auto filtering = filter_all(context, command, numbers, scripts);
  CO_TRY_DO(co_await std::move(filtering));
  co_return Reply::ok("Filter completed.");
}

}  // namespace pennypost::imap
