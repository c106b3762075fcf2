// Makes the action of each command from its call. Error 501: wrong arguments.
#pragma once

#include <memory>

#include "imapd/admin/call.h"

namespace pennypost::imap {

using MadeAction = Result<std::unique_ptr<AdminAction>>;

// folders.cpp
MadeAction list_folders(const AdminCall& call);
MadeAction show_status(const AdminCall& call);
MadeAction create_folders(const AdminCall& call);
MadeAction delete_folders(const AdminCall& call);
MadeAction rename_folder(const AdminCall& call);
MadeAction subscribe_folders(const AdminCall& call);
MadeAction resync_folders(const AdminCall& call);
MadeAction unsubscribe_folders(const AdminCall& call);
// fetch.cpp
MadeAction fetch_fields(const AdminCall& call);
// changes.cpp
MadeAction search_messages(const AdminCall& call);
MadeAction add_flags(const AdminCall& call);
MadeAction remove_flags(const AdminCall& call);
MadeAction replace_flags(const AdminCall& call);
MadeAction expunge_found(const AdminCall& call);
MadeAction move_found(const AdminCall& call);
MadeAction copy_found(const AdminCall& call);
// fts.cpp
MadeAction rescan_words(const AdminCall& call);
MadeAction optimize_words_of(const AdminCall& call);
// import.cpp
MadeAction import_mail(const AdminCall& call);
// acl.cpp
MadeAction add_rights(const AdminCall& call);
MadeAction remove_rights(const AdminCall& call);
MadeAction replace_rights(const AdminCall& call);
MadeAction delete_acl_entry(const AdminCall& call);
MadeAction show_acl(const AdminCall& call);
MadeAction show_rights(const AdminCall& call);
MadeAction list_acls(const AdminCall& call);
MadeAction recount_shares(const AdminCall& call);
// migrate_imap.cpp
MadeAction migrate_imap(const AdminCall& call);
// export.cpp
MadeAction export_mail(const AdminCall& call);

}  // namespace pennypost::imap
