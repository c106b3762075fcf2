// The commands of IMAP, each as the function that carries it out.
//
// A handler takes what the command works on and the command's head, and gives the tagged reply;
// untagged lines it puts itself. A command that is allowed at any time takes a Conversation, one
// before login a LoginContext, all others a SessionContext. Who may call which, and what is told of
// the mailbox afterwards, says the command's row.
//
// SEE ALSO   table.h (the rows), append.h (APPEND's messages)
#pragma once

#include "common/async/task.h"
#include "imapd/grammar/metadata.h"
#include "imapd/grammar/requests.h"
#include "imapd/response/reply.h"

namespace pennypost::imap {

class Conversation;
class LoginContext;
class SessionContext;

// At any time: general.cpp.
Task<Reply> capability(Conversation& context, const CommandHead& command);
Task<Reply> id(Conversation& context, const CommandHead& command);
Task<Reply> logout(Conversation& context, const CommandHead& command);
Task<Reply> noop(Conversation& context, const CommandHead& command);

// Before login: login.cpp. On success the reply means nothing: the worker answers.
Task<Reply> authenticate(LoginContext& context, const CommandHead& command);
Task<Reply> login(LoginContext& context, const CommandHead& command);
/// Answers itself, before the handshake; the reply is then empty.
Task<Reply> starttls(LoginContext& context, const CommandHead& command);
Task<Reply> unauthenticate(SessionContext& context, const CommandHead& command);

// After login: account.cpp, compress.cpp, idle.cpp, notify.cpp.
Task<Reply> check(SessionContext& context, const CommandHead& command);
Task<Reply> enable(SessionContext& context, const CommandHead& command);
Task<Reply> compress(SessionContext& context, const CommandHead& command);
Task<Reply> show_namespaces(SessionContext& context, const CommandHead& command);
Task<Reply> idle(SessionContext& context, const CommandHead& command);
Task<Reply> notify(SessionContext& context, const CommandHead& command);

// Mailboxes: select.cpp, mailbox.cpp, status.cpp, list.cpp.
Task<Reply> select(SessionContext& context, const CommandHead& command);
Task<Reply> examine(SessionContext& context, const CommandHead& command);
Task<Reply> close(SessionContext& context, const CommandHead& command);
Task<Reply> unselect(SessionContext& context, const CommandHead& command);
Task<Reply> create(SessionContext& context, const CommandHead& command);
Task<Reply> remove(SessionContext& context, const CommandHead& command);
Task<Reply> rename(SessionContext& context, const CommandHead& command);
Task<Reply> subscribe(SessionContext& context, const CommandHead& command);
Task<Reply> unsubscribe(SessionContext& context, const CommandHead& command);
Task<Reply> status(SessionContext& context, const CommandHead& command);
Task<Reply> list(SessionContext& context, const CommandHead& command);
Task<Reply> lsub(SessionContext& context, const CommandHead& command);

// Scripts: filter.cpp.
Task<Reply> filter(SessionContext& context, const CommandHead& command);

// The quota and the annotations: quota.cpp, metadata.cpp.
Task<Reply> get_quota(SessionContext& context, const CommandHead& command);
Task<Reply> set_quota(SessionContext& context, const CommandHead& command);
Task<Reply> get_quota_root(SessionContext& context, const CommandHead& command);
Task<Reply> get_metadata(SessionContext& context, const CommandHead& command);
Task<Reply> set_metadata(SessionContext& context, const CommandHead& command);

// Rights on mailboxes: acl.cpp.
Task<Reply> get_acl(SessionContext& context, const CommandHead& command);
Task<Reply> set_acl(SessionContext& context, const CommandHead& command);
Task<Reply> delete_acl(SessionContext& context, const CommandHead& command);
Task<Reply> list_rights(SessionContext& context, const CommandHead& command);
Task<Reply> my_rights(SessionContext& context, const CommandHead& command);

// Messages, also by UID: fetch.cpp, search.cpp, sort.cpp, multisearch.cpp, search_contexts.cpp,
// batches.cpp, store.cpp, expunge.cpp, copy.cpp, append.cpp.
Task<Reply> fetch(SessionContext& context, const CommandHead& command);
Task<Reply> search(SessionContext& context, const CommandHead& command);
Task<Reply> sort(SessionContext& context, const CommandHead& command);
Task<Reply> thread(SessionContext& context, const CommandHead& command);
Task<Reply> uid_batches(SessionContext& context, const CommandHead& command);
Task<Reply> multi_search(SessionContext& context, const CommandHead& command);
Task<Reply> cancel_update(SessionContext& context, const CommandHead& command);
Task<Reply> store_flags(SessionContext& context, const CommandHead& command);
Task<Reply> expunge(SessionContext& context, const CommandHead& command);
Task<Reply> uid_expunge(SessionContext& context, const CommandHead& command);
Task<Reply> copy(SessionContext& context, const CommandHead& command);
Task<Reply> move(SessionContext& context, const CommandHead& command);
/// An APPEND or REPLACE that is complete without any message literal: one whose parts are all URLs.
Task<Reply> append(SessionContext& context, const CommandHead& command);
Task<Reply> replace(SessionContext& context, const CommandHead& command);

}  // namespace pennypost::imap
