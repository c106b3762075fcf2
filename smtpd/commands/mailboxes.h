// `pennypost acl`, `mailbox`, `fetch`, `search`, `flags`, `expunge`, `force-resync`, `fts`,
// `move`, `copy`, `import` and `export` work on the mail of users, also while the daemons run.
//
// SYNOPSIS
//   pennypost mailbox list [-s] ACCOUNTS [PATTERN]...
//   pennypost mailbox status [-t] ACCOUNTS FIELDS PATTERN...
//   pennypost mailbox create [-s] ACCOUNTS NAME...
//   pennypost mailbox delete [-e] [-r] [-s] ACCOUNTS NAME...
//   pennypost mailbox rename [-s] ACCOUNTS OLD NEW
//   pennypost mailbox subscribe|unsubscribe ACCOUNTS NAME...
//   pennypost acl get|rights ACCOUNTS MAILBOX
//   pennypost acl set|add|remove ACCOUNTS MAILBOX ID RIGHT...
//   pennypost acl delete ACCOUNTS MAILBOX ID
//   pennypost acl list|recalc ACCOUNTS
//   pennypost search ACCOUNTS QUERY
//   pennypost fetch ACCOUNTS FIELDS QUERY
//   pennypost flags add|remove|replace ACCOUNTS FLAGS QUERY
//   pennypost expunge [-d] ACCOUNTS QUERY
//   pennypost force-resync ACCOUNTS [PATTERN]...
//   pennypost fts rescan ACCOUNTS [PATTERN]...
//   pennypost fts optimize ACCOUNTS
//   pennypost move|copy ACCOUNTS FOLDER QUERY
//   pennypost import [-s] ACCOUNTS mbox:FILE|maildir:DIR[:LAYOUT=fs] FOLDER QUERY
//   pennypost export ACCOUNTS mbox:FILE|maildir:DIR|tar:FILE QUERY
//
//   ACCOUNTS: [-c DIR] [-o NAME=VALUE]... [--json] -u USER|-A
//
// DESCRIPTION
//   These are doveadm's commands by their names there; doveadm COMMAND does the same. -u names a
//   user, or several by * and ?; -A stands for all. root may do it for all users: for each a
//   process takes that user's rights before it touches the mail. Without root it works in a server
//   of one's own. --json prints one object a line. Long work shows on a terminal how far it is.
//
//   Folders are named in UTF-8, with the separator that clients see; a PATTERN may hold * (any
//   text) and % (any text within a level).
//
//   mailbox list    -s: the subscribed ones
//   mailbox status  FIELDS are messages, recent, uidnext, uidvalidity, unseen, deleted, vsize
//   (octets
//                   in all), guid, or all; -t: the sums of all folders
//   mailbox create  -s: subscribes as well; a separator at the end makes a level for other folders
//   mailbox delete  with the mail in it; -e: only if it is empty; -r: those below as well;
//                   -s: unsubscribes as well
//   mailbox rename  with all below; -s: the subscription follows
//   acl get         prints who may do what with the mailbox; list: with all that are shared
//   acl set         gives ID these rights and no others; add, remove and delete (the whole line)
//                   likewise. ID is user=NAME, owner, authenticated or anyone; a RIGHT is lookup,
//                   read, write, write-seen, write-deleted, insert, post, expunge, create, delete,
//                   admin or all, or letters (lrs); with a minus before it, it is taken away
//                   whoever else grants it
//   acl rights      prints what the account may do, also with a mailbox of another user by its name
//                   in IMAP (shared.ann@example^org.Lists)
//   acl recalc      records anew who shares with whom, once mail with dovecot-acl files has
//                   come from elsewhere
//   search          prints the folder's guid (of an mbox its name) and the UID of each message
//   fetch           prints FIELDS, separated by blanks: user, mailbox, mailbox-guid, seq,
//                   uid, guid, flags, hdr, hdr.NAME, hdr.NAME.utf8, body, body.snippet, text,
//                   size.physical, size.virtual, date.received, date.sent, date.saved,
//                   imap.envelope, imap.body, imap.bodystructure
//   flags           FLAGS are \Seen, \Answered, \Flagged, \Deleted, \Draft and keywords
//   expunge         removes the messages whatever their flags; QUERY must name the folder.
//                   -d: removes folders that are empty then
//   force-resync    makes the lists of folders agree with their messages after something else has
//                   changed or damaged them: messages keep their UIDs, those without one get the
//                   next, the quota is counted again, and imapd's index of the folder is made anew.
//                   An mbox has its UIDs in itself; its index stays. Without a PATTERN all folders
//   fts rescan      compares the index of words (imap_fts) with the mail, takes out what has gone
//                   and puts in what is missing; an index is made if there is none. Without a
//                   PATTERN all folders, and what is of no folder any more is taken out as well.
//                   New mail needs none of this: deliveries and imapd put it in (fts_autoindex)
//   fts optimize    writes the index of words anew, smaller
//   move, copy      into another folder of the same user, which must exist
//   import          makes the folders it needs, below FOLDER ("" for none); the messages of an mbox
//                   go into FOLDER itself. Flags, keywords and dates are kept, the source is only
//                   read; MAILBOX in QUERY names its folders. -s: subscribes
//   export          FILE and DIR must not exist; FILE may be - (standard output); %u in it is the
//                   user. The archive of tar: holds a Maildir
//
//   QUERY is a search as in IMAP, such as: mailbox INBOX unseen since 2w. Each word may be an
//   argument of its own, and needs no quotes then. Besides IMAP's words there are MAILBOX PATTERN
//   and MAILBOX-GUID ID; a day may be 31-Jan-2024, 2024-01-31 or an age (36h, 2d, 3w), a size 10M.
//   ALL stands for all messages.
//
// EXIT STATUS
//   0; 1 it can't be done; 64 wrong arguments; 67 no such user; 68 no such folder; 75 try again
//   later; 78 the configuration is wrong.
//
// SEE ALSO  ../../imapd/admin/admin.h (which does it)
#pragma once

#include <iosfwd>
#include <span>
#include <string>

namespace pennypost::smtp {

int acl_command(std::span<const std::string> args, std::ostream& out, std::ostream& err);
int mailbox_command(std::span<const std::string> args, std::ostream& out, std::ostream& err);
int search_command(std::span<const std::string> args, std::ostream& out, std::ostream& err);
int fetch_command(std::span<const std::string> args, std::ostream& out, std::ostream& err);
int flags_command(std::span<const std::string> args, std::ostream& out, std::ostream& err);
int expunge_command(std::span<const std::string> args, std::ostream& out, std::ostream& err);
int resync_command(std::span<const std::string> args, std::ostream& out, std::ostream& err);
int fts_command(std::span<const std::string> args, std::ostream& out, std::ostream& err);
int move_command(std::span<const std::string> args, std::ostream& out, std::ostream& err);
int copy_command(std::span<const std::string> args, std::ostream& out, std::ostream& err);
int import_command(std::span<const std::string> args, std::ostream& out, std::ostream& err);
/// `pennypost migrate imap`; its manual is in migrate.cpp.
int migrate_imap_command(std::span<const std::string> args, std::ostream& out, std::ostream& err);
int export_command(std::span<const std::string> args, std::ostream& out, std::ostream& err);

}  // namespace pennypost::smtp
