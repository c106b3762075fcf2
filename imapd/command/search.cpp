// SEARCH and UID SEARCH: finds messages by their contents and flags.
//
// STANDARDS  RFC 9051 section 6.4.4, RFC 4731 (ESEARCH), RFC 5032 (WITHIN), RFC 5182 (SEARCHRES),
//            RFC 5267 section 4 (UPDATE), RFC 6203 (FUZZY, RELEVANCY)
#include "imapd/command/find.h"
#include "imapd/command/handlers.h"
#include "imapd/command/search_contexts.h"
#include "imapd/session/context.h"

namespace pennypost::imap {

Task<Reply> search(SessionContext& context, const CommandHead& command) {
  CO_TRY(auto request, parse_search(command.arguments, context.limits()));
  // RFC 9051 section 6.4.4: ESEARCH is the only answer, and without RETURN it tells ALL.
  if (context.is_rev2() && !request.extended) request.extended = request.return_all = true;
  // There, and with UTF8=ACCEPT, texts are in UTF-8 unless CHARSET says otherwise.
  bool is_utf8 = context.name_form() == NameForm::Utf8;
  if (is_utf8 && !request.names_charset) request.charset = "UTF-8";
  if (request.return_update && is_followed(context, command.tag)) co_return Reply::bad("Tag reuse");
  SearchFindings findings;
  auto finding = find_messages(context, request, &findings);
  auto found = co_await std::move(finding);
  if (!found) co_return search_failed(*context.selected(), request, found.error());
  std::vector<std::uint32_t> update;
  if (request.return_update) update = *found;
  auto telling =
      tell_found(context, command, "SEARCH", request, *std::move(found), findings.scores);
  co_await std::move(telling);
  if (request.return_update) {
    follow_search(context, command.tag, command.is_uid(), request, {}, update);
  }
  co_return search_done(command, "Search completed", findings);
}

}  // namespace pennypost::imap
