// SELECT, EXAMINE, CLOSE and UNSELECT: which mailbox the session works on.
//
// STANDARDS  RFC 9051 sections 6.3.2, 6.4.1 and 6.4.2, RFC 7162 (CONDSTORE, QRESYNC)
#include "imapd/command/handlers.h"
#include "imapd/command/shared.h"
#include "imapd/command/word_indexing.h"
#include "imapd/response/untagged.h"
#include "imapd/session/context.h"
#include "imapd/session/resync.h"

namespace pennypost::imap {
namespace {

// RFC 7162 sections 3.1.8 and 3.2.5: CONDSTORE, and QRESYNC with what the client remembers.
struct Parameters {
  bool condstore = false;
  std::optional<Resync> resync;
};

Result<Parameters> parameters_of(const SessionContext& context, const SelectRequest& request) {
  Parameters parameters;
  for (const auto& parameter : request.parameters) {
    if (parameter.name == "CONDSTORE" && parameter.value.empty()) {
      parameters.condstore = true;
    } else if (parameter.name == "QRESYNC" && !parameters.resync) {
      if (!context.reporting().vanished) return Error(501, "ENABLE QRESYNC comes first");
      TRY(parameters.resync, parse_resync(parameter.value, context.limits()));
      // RFC 9586 section 3.7: the last parameter has message numbers.
      bool has_numbers = !parameters.resync->numbers.empty();
      if (has_numbers && context.reporting().uid_only) return uid_required();
    } else {
      return Error(501, "Unknown parameter " + parameter.name);
    }
  }
  return parameters;
}

Task<Reply> open_mailbox(SessionContext& context, const CommandHead& command,
                         store::Access access) {
  CO_TRY(auto request, parse_select(command.arguments, context.limits()));
  CO_TRY(auto parameters, parameters_of(context, request));
  // RFC 9051 section 6.3.2: an attempt that fails leaves no mailbox selected either.
  if (context.selected() != nullptr) {
    context.put("* OK [CLOSED] Previous mailbox closed.\r\n");
    context.unselect();
  }
  if (parameters.condstore) context.enable_condstore();
  CO_TRY(auto name, context.mailbox_name(request.mailbox));
  std::string introduction;
  auto open = [&]() -> Result<std::unique_ptr<Selected>> {
    TRY(auto mailbox, context.store().open(name, access));
    auto selected = std::make_unique<Selected>(context.events().logged(std::move(mailbox)));
    selected->set_reporting(context.reporting());
    introduction = selected->introduction();
    // RFC 9051 section 6.3.2.
    if (context.is_rev2()) {
      introduction +=
          list_line("LIST", {}, context.store().separator(), name.text(), {}, context.name_form());
    }
    if (parameters.resync) introduction += resync_lines(*selected, *parameters.resync);
    return selected;
  };
  CO_TRY(auto selected, co_await context.retry_while_locked([&] { return open(); }));
  bool is_read_only = selected->is_read_only();
  context.select(std::move(selected));
  want_words_of(context, name);
  auto sending = context.send(introduction);
  co_await std::move(sending);
  if (is_read_only) co_return Reply::ok("[READ-ONLY] Examine completed.");
  co_return Reply::ok("[READ-WRITE] Select completed.");
}

}  // namespace

Task<Reply> select(SessionContext& context, const CommandHead& command) {
  return open_mailbox(context, command, store::Access::ReadWrite);
}

Task<Reply> examine(SessionContext& context, const CommandHead& command) {
  return open_mailbox(context, command, store::Access::ReadOnly);
}

// RFC 9051 section 6.4.1: as EXPUNGE, but nothing is told. There is no NO: what can't be removed is
// a warning, and the mailbox is closed all the same.
Task<Reply> close(SessionContext& context, const CommandHead& command) {
  CO_TRY_DO(parse_nothing(command.arguments, context.limits()));
  // RFC 4314 section 4: whoever may not expunge closes all the same.
  if (context.may_change() && context.selected()->mailbox().changeable().expunges) {
    auto expunging = expunge_messages(context, context.selected()->view(), "Close completed.");
    auto expunged = co_await std::move(expunging);
    context.log_failure(expunged);
    auto told = expunged.in_form(context.name_form());
    if (told.status() != Reply::Status::Ok) context.put("* NO " + told.text() + "\r\n");
  }
  context.unselect();
  co_return Reply::ok("Close completed.");
}

Task<Reply> unselect(SessionContext& context, const CommandHead& command) {
  CO_TRY_DO(parse_nothing(command.arguments, context.limits()));
  context.unselect();
  co_return Reply::ok("Unselect completed.");
}

}  // namespace pennypost::imap
