// Counts who is connected to the queue's control socket, and gives each user his turn.
//
// Users of the host are strangers to one another, and to root and the queue's owner: the places of
// the one are not those of the others. A stranger's requests are answered one after another however
// many connections he has, and he then rests as long as his request took: asking without pause, all
// strangers together leave the queue half of the time at least for each of them that asks.
//
// LIMITS  control_clients_per_user_max connections of one stranger, control_connections_max of all
//         strangers, and as many of root and the owner; rest_min, rest_max
#pragma once

#include <sys/types.h>

#include <map>
#include <optional>

#include "common/async/loop.h"

namespace pennypost::smtp {

inline constexpr std::size_t control_connections_max = 256;
inline constexpr Duration control_rest_min{1};
inline constexpr Duration control_rest_max{250};

class ControlClients {
 public:
  explicit ControlClients(Loop& loop) : loop_(loop) {}

  /// One connection of a user, as long as it lives; the ControlClients must live longer.
  class Place;
  /// Nothing: he has as many as he may have, or all together do.
  std::optional<Place> try_take(uid_t uid, std::size_t per_user_max);
  /// For root and whoever this process runs as.
  static bool is_owner(uid_t uid);

 private:
  struct User {
    explicit User(Loop& loop) : turn(loop) {}
    std::size_t connections = 0;
    bool is_served = false;
    Event turn;
  };
  std::size_t& total_of(uid_t uid) { return is_owner(uid) ? owners_ : strangers_; }
  void leave(uid_t uid);

  Loop& loop_;
  std::map<uid_t, User> users_;
  std::size_t strangers_ = 0;
  std::size_t owners_ = 0;
};

class ControlClients::Place {
 public:
  Place(ControlClients& clients, uid_t uid) : clients_(&clients), uid_(uid) {}
  Place(Place&& other) noexcept
      : clients_(std::exchange(other.clients_, nullptr)), uid_(other.uid_) {}
  Place& operator=(Place&&) = delete;
  ~Place() {
    if (clients_ != nullptr) clients_->leave(uid_);
  }

  uid_t uid() const { return uid_; }
  bool is_owner() const { return ControlClients::is_owner(uid_); }

  /// Does the work when no other of this user's is under way, and rests after it; an owner's at
  /// once.
  template <class T>
  Task<T> in_turn(Task<T> work);

 private:
  /// The user's turn, given on when it ends.
  struct Turn {
    explicit Turn(User& of) : user(of) { user.is_served = true; }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    ~Turn() {
      user.is_served = false;
      user.turn.notify_all();
    }
    User& user;
  };
  ControlClients* clients_;
  uid_t uid_;
};

template <class T>
Task<T> ControlClients::Place::in_turn(Task<T> work) {
  if (is_owner()) co_return co_await std::move(work);
  Loop& loop = clients_->loop_;
  User& user = clients_->users_.at(uid_);
  while (user.is_served) co_await user.turn.wait();
  Turn turn(user);
  auto began = loop.now();
  auto made = co_await std::move(work);
  auto took = std::chrono::duration_cast<Duration>(loop.now() - began);
  auto rest = std::clamp(took, control_rest_min, control_rest_max);
  co_await loop.sleep(rest);
  co_return std::move(made);
}

}  // namespace pennypost::smtp
