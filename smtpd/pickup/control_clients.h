// Counts the connections to the queue's control socket, and shares the queue's time between users.
//
// Root and the queue's owner have connections reserved for them, and no other user can take up
// those of all the others. A user's requests are answered one after another however many
// connections he has, and after each of them he has to wait as long as it took, within
// control_rest_min and control_rest_max.
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

  /// One connection of a user, counted as long as it exists; the ControlClients must outlive it.
  class Place;
  /// Nothing if the user, or all users together, have as many as allowed.
  std::optional<Place> try_take(uid_t uid, std::size_t per_user_max);
  /// True for root and the user that this process runs as.
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

  /// Does the work when no other work of this user is under way, and then pauses; for an owner,
  /// does it at once.
  template <class T>
  Task<T> in_turn(Task<T> work);

 private:
  /// The user's turn; its end lets the next of his requests begin.
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
