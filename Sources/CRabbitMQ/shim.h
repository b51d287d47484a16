#ifndef SENTINODE_CRABBITMQ_SHIM_H
#define SENTINODE_CRABBITMQ_SHIM_H

#include <amqp.h>
#include <amqp_framing.h>
#include <amqp_ssl_socket.h>
#include <amqp_tcp_socket.h>

/* Swift cannot call variadic functions: the PLAIN login with its two strings spelled out. */
static inline amqp_rpc_reply_t sentinode_amqp_login(amqp_connection_state_t state, const char *vhost, int channel_max,
                                                    int frame_max, int heartbeat, const amqp_table_t *properties,
                                                    const char *user, const char *password) {
    return amqp_login_with_properties(state, vhost, channel_max, frame_max, heartbeat, properties,
                                      AMQP_SASL_METHOD_PLAIN, user, password);
}

/* An encrypted key would make OpenSSL ask for a password on the terminal and wait for ever: the empty password makes
   it refuse instead. The library keeps the pointer, so the string must be static. */
static inline void sentinode_amqp_never_ask_for_key_password(amqp_socket_t *socket) {
    amqp_ssl_socket_set_key_passwd(socket, "");
}

#endif
