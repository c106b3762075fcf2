// Logs what a user does with messages and mailboxes, as Dovecot's mail_log plugin does.
//
//   imap: user=<bob>, session=<x>: expunge: box=INBOX, uid=7, msgid=<a1@example.net>, size=2312
//   imap: user=<bob>, session=<x>: copy from INBOX: box=Trash, uid=1, msgid=<a1@example.net>, ...
//   imap: user=<bob>, session=<x>: Mailbox renamed: Old -> New
//
// A session that is to be logged opens its mailboxes through logged(): the mailbox that it gets
// passes everything on, and logs what has happened. Without mail_log_events nothing is wrapped. A
// move is a copy and an expunge; POP3's RETR is a flag_change that sets \Seen.
//
// To say more than box and uid of a message its header is read, at most header_bytes_max of it,
// before the message goes. All of this blocks, as a Mailbox does.
//
// LIMITS  lines_max lines for one command; the next line says how many messages are not told
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "store/mailbox/mailbox.h"

namespace pennypost::store {

/// The settings of a session, and who it is.
class MailEvents {
 public:
  static constexpr std::size_t lines_max = 1000;
  static constexpr std::uint64_t header_bytes_max = 64 << 10;

  enum class Event : std::uint8_t {
    Delete,
    Undelete,
    Expunge,
    Save,
    Copy,
    MailboxCreate,
    MailboxDelete,
    MailboxRename,
    FlagChange
  };

  /// Logs nothing.
  MailEvents() = default;
  /// `service` is imap or pop3; the lists are mail_log_events and mail_log_fields.
  MailEvents(std::string service, std::string user, std::string session,
             const std::vector<std::string>& events, const std::vector<std::string>& fields);

  bool any() const { return events_ != 0; }
  bool wants(Event event) const { return (events_ >> static_cast<unsigned>(event) & 1) != 0; }

  /// A mailbox was made, removed or renamed (`to`).
  void tell_mailbox(Event event, const MailboxName& name, std::string_view to = {}) const;
  /// Messages were appended; `messages` as they were given.
  void tell_saved(const MailboxName& name, const Appended& appended,
                  std::span<const NewMessage> messages) const;

  /// The mailbox itself if nothing of it is to be logged, else one that logs. Views of the session
  /// are kept in it.
  std::unique_ptr<Mailbox> logged(std::unique_ptr<Mailbox> mailbox) const;

 private:
  friend class LoggedMailbox;
  enum class Field : std::uint8_t {
    Number,
    Box,
    MessageId,
    StoredSize,
    Sender,
    Subject,
    WireSize,
    FlagList
  };
  /// What is said of a message.
  struct Facts {
    Uid uid{1};
    std::string msgid;
    std::string from;
    std::string subject;
    std::uint64_t size = 0;   // as stored
    std::uint64_t vsize = 0;  // with CRLF line ends
    std::string flags;
  };
  bool shows(Field field) const { return (fields_ >> static_cast<unsigned>(field) & 1) != 0; }
  bool needs_header() const {
    return shows(Field::MessageId) || shows(Field::Sender) || shows(Field::Subject);
  }
  void read_header(std::string_view header, Facts& facts) const;
  Facts facts_of(Mailbox& mailbox, Uid uid) const;
  void tell(std::string_view event, std::string_view from, std::string_view box,
            const Facts& facts) const;
  void tell_rest(std::string_view event, std::string_view box, std::size_t untold) const;

  std::string service_;
  std::string user_;
  std::string session_;
  std::uint16_t events_ = 0;
  std::uint8_t fields_ = 0;
};

}  // namespace pennypost::store
