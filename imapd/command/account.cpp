// CHECK, ENABLE and NAMESPACE: what a client asks about its account once it has logged in.
//
// STANDARDS  RFC 5161 (ENABLE), RFC 9051 section 6.3.1 (IMAP4rev2), RFC 6855 section 3
//            (UTF8=ACCEPT), RFC 7162 section 3.2.3 (QRESYNC), RFC 9586 section 3.1 (UIDONLY)
#include <algorithm>

#include "common/base/text.h"
#include "imapd/command/capability.h"
#include "imapd/command/handlers.h"
#include "imapd/response/untagged.h"
#include "imapd/session/context.h"
#include "store/sharing/sharing.h"

namespace pennypost::imap {

// RFC 3501 section 6.4.1: what a checkpoint would write is on disk already. What is new on disk is
// told as by NOOP; but here it is waited for while the mailbox is locked, by another program or by
// a session that is just writing. There is no NO: at the end of the wait it is told later.
Task<Reply> check(SessionContext& context, const CommandHead& command) {
  CO_TRY_DO(parse_nothing(command.arguments, context.limits()));
  const auto* announcer = context.announcer();
  bool wants_news = announcer == nullptr || announcer->wishes().messages;
  store::LockWait wait(context.loop(), context.store().lock_timeout());
  while (wants_news) {
    auto syncing = context.sync(SessionContext::Wait::No);
    auto synced = co_await std::move(syncing);
    bool has_all = synced && !context.is_behind();
    bool is_locked = context.is_behind() && !wait.is_over();
    if (has_all || !is_locked) break;
    co_await context.look_for_client();
    auto pausing = wait.pause();
    co_await std::move(pausing);
  }
  co_return Reply::ok("Check completed.");
}

// RFC 5161: what can't be enabled is passed over, and what is enabled already is not told again.
Task<Reply> enable(SessionContext& context, const CommandHead& command) {
  CO_TRY(auto names, parse_enable(command.arguments, context.limits()));
  auto is_asked = [&](std::string_view name) {
    return std::ranges::find(names, upper(name)) != names.end() && is_announced(context, name);
  };
  std::string enabled;
  auto note = [&](bool is_new, std::string_view name) {
    if (is_new) enabled.append(" ").append(name);
    return is_new;
  };
  // RFC 7162 section 3.2.3: QRESYNC brings CONDSTORE with it.
  auto before = context.reporting();
  bool wants_qresync = is_asked("QRESYNC");
  bool wants_condstore = wants_qresync || is_asked("CONDSTORE");
  note(!before.modseqs && wants_condstore, "CONDSTORE");
  note(!before.vanished && wants_qresync, "QRESYNC");
  if (note(!before.rev2 && is_asked("IMAP4rev2"), "IMAP4rev2")) context.enable_rev2();
  if (note(!context.has_utf8() && is_asked("UTF8=ACCEPT"), "UTF8=ACCEPT")) context.enable_utf8();
  if (note(!before.uid_only && is_asked("UIDONLY"), "UIDONLY")) context.enable_uid_only();
  context.put("* ENABLED" + enabled + "\r\n");
  if (wants_qresync) {
    context.enable_qresync();
  } else if (wants_condstore) {
    context.enable_condstore();
  }
  co_return Reply::ok("Enabled.");
}

Task<Reply> show_namespaces(SessionContext& context, const CommandHead& command) {
  CO_TRY_DO(parse_nothing(command.arguments, context.limits()));
  auto& store = context.store();
  std::vector<std::string> own{store.settings().namespace_prefix};
  std::vector<std::string> others;
  if (auto* sharing = store.sharing()) {
    own.clear();
    for (auto& known : sharing->namespaces()) {
      bool is_own = known.kind == store::Namespace::Kind::Personal;
      (is_own ? own : others).push_back(std::move(known.prefix));
    }
  }
  context.put(namespace_line(store.separator(), own, others, context.name_form()));
  co_return Reply::ok("Namespace completed.");
}

}  // namespace pennypost::imap
