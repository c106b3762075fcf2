// GETACL, SETACL, DELETEACL, LISTRIGHTS and MYRIGHTS: who may do what with a mailbox.
//
// STANDARDS  RFC 4314 section 3, RFC 8440 (LIST-MYRIGHTS)
#include "imapd/grammar/acl.h"
#include "imapd/command/handlers.h"
#include "imapd/command/shared.h"
#include "imapd/response/acl.h"
#include "imapd/session/context.h"
#include "store/sharing/sharing.h"

namespace pennypost::imap {
namespace {

using store::MailboxName;

// Error Cannot where the account's mail can't be shared.
Result<store::Sharing*> sharing_of(const SessionContext& context) {
  auto* sharing = context.store().sharing();
  if (sharing != nullptr && sharing->offers_acl()) return sharing;
  return Error(550, ResponseCode::Cannot, "Mailboxes of this account can't be shared");
}

Task<Reply> change_acl(SessionContext& context, AclRequest request, std::string_view done) {
  CO_TRY(auto* sharing, sharing_of(context));
  CO_TRY(auto name, context.mailbox_name(request.mailbox));
  CO_TRY_DO(co_await context.retry_while_locked(
      [&] { return sharing->change_acl(name, request.change); }));
  co_return Reply::ok(std::string(done));
}

}  // namespace

Task<Reply> get_acl(SessionContext& context, const CommandHead& command) {
  CO_TRY(auto wire, parse_mailbox(command.arguments, context.limits()));
  CO_TRY(auto* sharing, sharing_of(context));
  CO_TRY(auto name, context.mailbox_name(wire));
  CO_TRY(auto acl, co_await context.light_lane().offload([&] { return sharing->acl(name); }));
  context.put(acl_line(name.text(), acl, context.name_form()));
  co_return Reply::ok("Getacl completed.");
}

Task<Reply> set_acl(SessionContext& context, const CommandHead& command) {
  CO_TRY(auto request, parse_set_acl(command.arguments, context.limits()));
  auto changing = change_acl(context, std::move(request), "Setacl completed.");
  co_return co_await std::move(changing);
}

Task<Reply> delete_acl(SessionContext& context, const CommandHead& command) {
  CO_TRY(auto request, parse_delete_acl(command.arguments, context.limits()));
  auto changing = change_acl(context, std::move(request), "Deleteacl completed.");
  co_return co_await std::move(changing);
}

Task<Reply> list_rights(SessionContext& context, const CommandHead& command) {
  CO_TRY(auto request, parse_list_rights(command.arguments, context.limits()));
  CO_TRY(auto* sharing, sharing_of(context));
  CO_TRY(auto name, context.mailbox_name(request.mailbox));
  bool is_owner = false;
  auto look = [&]() -> Result<void> {
    TRY(auto acl, sharing->acl(name));
    TRY_DO(sharing->check_identifier(name, request.who));
    is_owner = sharing->is_owner(name, request.who);
    return {};
  };
  CO_TRY_DO(co_await context.light_lane().offload([&] { return look(); }));
  context.put(list_rights_line(name.text(), request.written, is_owner, context.name_form()));
  co_return Reply::ok("Listrights completed.");
}

Task<Reply> my_rights(SessionContext& context, const CommandHead& command) {
  CO_TRY(auto wire, parse_mailbox(command.arguments, context.limits()));
  CO_TRY_DO(sharing_of(context));
  CO_TRY(auto name, context.mailbox_name(wire));
  auto reporting = report_my_rights(context, name);
  CO_TRY(auto line, co_await std::move(reporting));
  context.put(line);
  co_return Reply::ok("Myrights completed.");
}

Task<Result<std::string>> report_my_rights(SessionContext& context, const MailboxName& name) {
  auto* sharing = context.store().sharing();
  if (sharing == nullptr) co_return std::string();
  CO_TRY(auto rights,
         co_await context.light_lane().offload([&] { return sharing->my_rights(name); }));
  co_return my_rights_line(name.text(), rights, context.name_form());
}

}  // namespace pennypost::imap
