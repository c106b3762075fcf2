// Answers local programs' requests on the queue's socket.
//
// Those whom authorized_submit_users, authorized_mailq_users and authorized_flush_users name may
// submit, list and flush; root, and the user that the queue runs as, may also change, remove and
// read. The kernel says who is asking (SO_PEERCRED). An answer is made only after the
// previous one has been read, so that a client that does not read takes up the memory of one
// answer; a list is sent in pages.
//
// LIMITS  connections: see control_clients.h; control_timeout without sending or reading;
//         control_client_bytes_max a page of the list, or one message's entry; requests of
//         control_bytes_max
//
// SEE ALSO   control.h (the requests)
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "common/async/nursery.h"
#include "common/config/config.h"
#include "common/net/listener.h"
#include "common/net/message_socket.h"
#include "common/process/port.h"
#include "smtpd/pickup/control.h"
#include "smtpd/pickup/control_clients.h"
#include "smtpd/pickup/pickup.h"
#include "smtpd/pickup/user_mail.h"
#include "smtpd/queue/queue.h"
#include "smtpd/scheduler/scheduler.h"

namespace pennypost::smtp {

inline constexpr std::size_t changes_at_once = 100;  // messages of one request

class ControlServer {
 public:
  using GetConfig = std::function<std::shared_ptr<const Config>()>;
  ControlServer(Loop& loop, Queue& queue, Scheduler& scheduler, PickupDesk& pickup,
                GetConfig config);

  /// Binds the socket. Error: the reason why it can't.
  Result<void> listen(const std::string& path);
  /// Accepts and serves until cancelled.
  Task<> run();
  /// Counts a connection of a user; nothing if he has too many.
  std::optional<ControlClients::Place> try_take_place(uid_t uid);
  /// Serves that connection; public for tests.
  Task<> serve(Descriptor socket, ControlClients::Place place);
  /// Ends all connections at once.
  void end() { tasks_.cancel(); }

  /// Makes due what waits for a domain; how many messages that are.
  Task<std::uint32_t> flush_site(std::string site);

 private:
  using Answer = Result<RawReply>;
  Task<> converse(MessageSocket& peer, ControlClients::Place& place);
  Task<> wait_until_read(const MessageSocket& peer);
  Task<Answer> answer(Message& request, ControlClients::Place& place);
  Task<Answer> answer_other(Message& request, ControlClients::Place& place);
  Task<Answer> post(PostMail ask, Descriptor message, uid_t uid);
  Task<Answer> list(ListQueue ask);
  Task<Answer> summarize();
  Task<Answer> flush(FlushQueue ask);
  Task<Answer> change(ChangeQueue ask);
  Task<Answer> change_all(QueueChange change, std::vector<QueueId> ids);
  Task<Answer> hold(HoldUserMail ask);
  Task<> change_and_count(QueueChange change, const QueueId& id, std::uint32_t& count);
  Task<bool> change_one(QueueChange change, const QueueId& id);
  Task<Answer> read(ReadMessage ask);
  Task<Answer> repair(RepairQueue ask);
  std::size_t answer_bytes_max() const;

  Loop& loop_;
  Queue& queue_;
  Scheduler& scheduler_;
  PickupDesk& pickup_;
  GetConfig config_;
  std::optional<Listener> listener_;
  ControlClients clients_;
  Nursery tasks_;
};

}  // namespace pennypost::smtp
